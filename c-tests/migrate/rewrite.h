int give(int sock, int fd);
int give_by_pointer(int sock, int fd);
int receive(int sock);
int receive_in_braces(int sock);
int receive_first(int sock);
long user(int sock);
