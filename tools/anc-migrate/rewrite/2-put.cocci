// A header that is written by hand around one descriptor is built. msg_control and msg_controllen say
// where, and how large the buffer is; the builder sets them anew.

@put@
identifier c, msg, fd;
expression e, l;
@@
- struct cmsghdr *c;
+ struct anc_builder builder;
  ... when != c
- c = CMSG_FIRSTHDR(&msg);
(
- c->cmsg_level = SOL_SOCKET;
- c->cmsg_type = SCM_RIGHTS;
- c->cmsg_len = l;
|
- c->cmsg_len = l;
- c->cmsg_level = SOL_SOCKET;
- c->cmsg_type = SCM_RIGHTS;
)
(
- memcpy(CMSG_DATA(c), &fd, e);
+ anc_builder_init(&builder, msg.msg_control, msg.msg_controllen);
+ anc_put_fds(&builder, &fd, 1);
+ if (anc_builder_finish(&builder, &msg) == -1)
+     return -1;
|
- *(int *)CMSG_DATA(c) = fd;
+ anc_builder_init(&builder, msg.msg_control, msg.msg_controllen);
+ anc_put_fds(&builder, &fd, 1);
+ if (anc_builder_finish(&builder, &msg) == -1)
+     return -1;
)
  ... when != c
