// A loop that copies one descriptor out of the control messages takes it, and closes the others. As
// before, fd stays as it was where none came; where two came, both are closed. A cursor that is used for
// anything else keeps everything as it is.

@take@
identifier c, msg, fd;
expression e;
@@
- struct cmsghdr *c;
  ... when != c
(
- for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
-     if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
-         memcpy(&fd, CMSG_DATA(c), e);
+ anc_take_fds(&msg, &fd, 1, NULL, ANC_EXACT);
+ anc_close_unclaimed(&msg);
|
- for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
-     if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
-         memcpy(&fd, CMSG_DATA(c), e);
-     }
- }
+ anc_take_fds(&msg, &fd, 1, NULL, ANC_EXACT);
+ anc_close_unclaimed(&msg);
|
- for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
-     if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
-         fd = *(int *)CMSG_DATA(c);
+ anc_take_fds(&msg, &fd, 1, NULL, ANC_EXACT);
+ anc_close_unclaimed(&msg);
|
- for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
-     if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
-         fd = *(int *)CMSG_DATA(c);
-     }
- }
+ anc_take_fds(&msg, &fd, 1, NULL, ANC_EXACT);
+ anc_close_unclaimed(&msg);
|
- c = CMSG_FIRSTHDR(&msg);
- if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
-     memcpy(&fd, CMSG_DATA(c), e);
+ anc_take_fds(&msg, &fd, 1, NULL, ANC_EXACT);
+ anc_close_unclaimed(&msg);
|
- c = CMSG_FIRSTHDR(&msg);
- if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
-     fd = *(int *)CMSG_DATA(c);
+ anc_take_fds(&msg, &fd, 1, NULL, ANC_EXACT);
+ anc_close_unclaimed(&msg);
)
  ... when != c
