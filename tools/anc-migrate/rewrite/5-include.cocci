// Whoever was changed includes the header, once.

@included@
@@
#include <ancillary.h>

@use@
identifier f =~ "^anc_";
@@
f(...)

@header depends on use && !included@
@@
+ #include <ancillary.h>
  #include <sys/socket.h>
