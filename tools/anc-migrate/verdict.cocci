// Judges, and prints.

@finalize:python@
@@
verdict()
