#include "harness.hpp"

anc::unique_fd from_another_unit();
std::size_t sent_by_another_unit(anc::sender &tx, anc::outgoing &m, anc::fd_array<2> &&fds, int sock, std::error_code &ec);
