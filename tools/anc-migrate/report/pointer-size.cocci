// sizeof of a pointer is 8, less than a header: nothing is sent, nothing comes.

@pointer@
type T;
T *b;
expression x;
position p;
@@
(
  x.msg_controllen@p = sizeof(b)
|
  x->msg_controllen@p = sizeof(b)
)

@script:python@
p << pointer.p;
T << pointer.T;
b << pointer.b;
@@
if "[" not in str(T):
    warning(function(p), p[0].line, "sizeof a pointer is less than a header: nothing is sent, and nothing comes", "anc_space(3)")
