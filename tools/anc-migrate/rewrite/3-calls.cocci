// Without SIGPIPE, close-on-exec, and with nothing in the control buffer after a failure.

@calls@
expression s, m, fl;
@@
(
- recvmsg(s, m, MSG_CMSG_CLOEXEC)
+ anc_recvmsg(s, m, 0)
|
- recvmsg(s, m, fl | MSG_CMSG_CLOEXEC)
+ anc_recvmsg(s, m, fl)
|
- recvmsg(s, m, fl)
+ anc_recvmsg(s, m, fl)
|
- sendmsg(s, m, MSG_NOSIGNAL)
+ anc_sendmsg(s, m, 0)
|
- sendmsg(s, m, fl | MSG_NOSIGNAL)
+ anc_sendmsg(s, m, fl)
|
- sendmsg(s, m, fl)
+ anc_sendmsg(s, m, fl)
)
