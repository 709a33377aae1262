// The fields of struct anc_peer have the names of those of struct ucred. A peer that has no number here
// is an error, not pid 0.

@peer@
identifier cred, len;
expression s;
@@
- struct ucred cred;
+ struct anc_peer cred;
  ...
- socklen_t len = sizeof(cred);
  ... when != len
- getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &len)
+ anc_peer(s, &cred, sizeof(cred), 0)
  ... when != len
      when any
