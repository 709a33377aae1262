// What the rules in report/ judge by: for each function, its calls, the fields of headers that it
// assigns and reads, its arrays. A rule looks at whole functions, and at those that call them or are
// called by them in the same file; it does not follow paths through them.

@initialize:python@
@@
from anc_facts import *

@call@
identifier f;
expression list es;
position p;
@@
f@p(es)

@script:python@
p << call.p;
f << call.f;
es << call.es;
@@
function(p).calls.append((int(p[0].line), str(f), arguments(es)))

@word@
identifier i =~ "^(SCM_|MSG_|SIG|F_SETFD|FD_CLOEXEC|CMSG_NXTHDR|EINTR|SO_)";
position p;
@@
i@p

@script:python@
p << word.p;
i << word.i;
@@
function(p).words.setdefault(str(i), []).append(int(p[0].line))

@member@
expression x;
identifier fld =~ "^(cmsg_len|cmsg_type|cmsg_level|msg_flags)$";
position p;
@@
\( x.fld@p \| x->fld@p \)

@script:python@
p << member.p;
x << member.x;
fld << member.fld;
@@
function(p).fields.append((int(p[0].line), flat(x), str(fld)))

@assigned@
expression x, e;
identifier fld =~ "^(c?msg_|iov_)";
assignment operator op;
position p;
@@
\( x.fld@p op e \| x->fld@p op e \)

@script:python@
p << assigned.p;
x << assigned.x;
fld << assigned.fld;
op << assigned.op;
e << assigned.e;
@@
value = flat(e) if flat(op) == "=" else flat(x) + "." + str(fld) + flat(op)[:-1] + flat(e)
function(p).assigned.append((int(p[0].line), flat(x), str(fld), value))

@initialised@
type T;
identifier x;
initializer list is;
position p;
@@
T x@p = {is};

@script:python@
p << initialised.p;
x << initialised.x;
is_ << initialised.is;
T << initialised.T;
@@
for member in arguments(is_):
    m = re.match(r"\.((?:msg|cmsg|iov)_\w+)=(.*)", member)
    if m:
        function(p).assigned.append((int(p[0].line), str(x), m.group(1), m.group(2)))

@compared@
expression x, e;
identifier fld =~ "^cmsg_(len|type)$";
binary operator bop = {==, !=, <, >, <=, >=};
position p;
@@
\( x->fld@p bop e \| e bop x->fld@p \| x.fld@p bop e \| e bop x.fld@p \)

@script:python@
p << compared.p;
x << compared.x;
fld << compared.fld;
e << compared.e;
bop << compared.bop;
@@
function(p).compared.append((int(p[0].line), flat(x), str(fld), flat(e), flat(bop) in ("==", "!=")))

@array@
type T;
identifier b;
expression n;
position p;
@@
T b@p[n];

@script:python@
p << array.p;
T << array.T;
b << array.b;
n << array.n;
@@
function(p).arrays.append((int(p[0].line), str(T), str(b), flat(n)))

@filled_array@
type T;
identifier b;
expression n;
initializer i;
position p;
@@
T b@p[n] = i;

@script:python@
p << filled_array.p;
T << filled_array.T;
b << filled_array.b;
n << filled_array.n;
@@
function(p).arrays.append((int(p[0].line), str(T), str(b), flat(n)))

@written@
type T;
expression c, e;
position p;
@@
  *(T *)CMSG_DATA@p(c) = e

@written_first@
type T;
expression c, e;
position p;
@@
  ((T *)CMSG_DATA@p(c))[0] = e

@cast@
type T;
expression c;
position p != {written.p, written_first.p};
@@
  (T *)CMSG_DATA@p(c)

@script:python@
p << cast.p;
T << cast.T;
@@
function(p).casts.append((int(p[0].line), str(T).replace("const ", "")))

@read@
type T;
expression c;
position p != {written.p, written_first.p};
@@
(
  *(T *)CMSG_DATA@p(c)
|
  ((T *)CMSG_DATA@p(c))[0]
)

@script:python@
p << read.p;
T << read.T;
@@
function(p).derefs.append((int(p[0].line), str(T).replace("const ", "")))
