/* What the parser does not understand is said. Not C, so that no parser does. */
int odd(int sock)
{
    for each (x in y) whatever;
    return recvmsg(sock, &msg, 0); /* expect: recvmsg stands in code that could not be parsed: nothing here was looked at */
}
