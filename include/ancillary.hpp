/* libancillary in C++11 and later: the calls of ancillary.h with owners for what they hand over.
 * The manual is ancillary.hpp(7); what a call does and its errors are on the page of the C call.
 *
 * A call has the name of the C call without anc_. Its last argument but the flags is the error: it is
 * always set, and cleared on success. Nothing throws, but for the allocation of a std::vector that is
 * received into; and nothing else allocates.
 *
 * Calls that may wait are not noexcept: they are cancellation points, and a thread that is cancelled
 * unwinds its stack through them, which noexcept would make the end of the process. */
#ifndef ANCILLARY_HPP
#define ANCILLARY_HPP

#if !defined(__cplusplus) || __cplusplus < 201103L
#error "ancillary.hpp needs C++11; for C++98 there is ancillary.h"
#endif

/* A struct and a function of one name, as stat: gcc takes the function for a constructor's shadow. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#include "ancillary.h"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#if __cplusplus >= 201703L || (defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 7)
#define ANCILLARY_NODISCARD [[nodiscard]]
#elif defined(__clang__)
#define ANCILLARY_NODISCARD __attribute__((__warn_unused_result__))
#else
#define ANCILLARY_NODISCARD
#endif

namespace ancillary {

/* Objects of two versions of this header may meet in one program. */
inline namespace v0 {

/* Owners. */

/* Owns a descriptor, or none, and closes it: without a cancellation point, errno kept. */
class unique_fd {
public:
    constexpr unique_fd() noexcept : fd_(-1) {}
    /* Takes fd over; a negative one is none. */
    explicit constexpr unique_fd(int fd) noexcept : fd_(fd < 0 ? -1 : fd) {}
    unique_fd(unique_fd &&other) noexcept : fd_(other.release()) {}
    unique_fd &operator=(unique_fd &&other) noexcept
    {
        reset(other.release());
        return *this;
    }
    unique_fd(const unique_fd &) = delete;
    unique_fd &operator=(const unique_fd &) = delete;
    ~unique_fd() { reset(); }

    /* The number, still owned here; -1 for none. */
    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

    /* The number, which is the caller's from here on. */
    ANCILLARY_NODISCARD int release() noexcept
    {
        int fd = fd_;
        fd_ = -1;
        return fd;
    }
    /* Closes what was owned and takes fd over. To be given what it owns already changes nothing. */
    void reset(int fd = -1) noexcept
    {
        int old = fd_;
        fd_ = fd < 0 ? -1 : fd;
        if (old >= 0 && old != fd_)
            anc_close_fds(&old, 1);
    }
    void swap(unique_fd &other) noexcept { std::swap(fd_, other.fd_); }

private:
    int fd_;
};

inline void swap(unique_fd &a, unique_fd &b) noexcept { a.swap(b); }
inline bool operator==(const unique_fd &a, const unique_fd &b) noexcept { return a.get() == b.get(); }
inline bool operator!=(const unique_fd &a, const unique_fd &b) noexcept { return a.get() != b.get(); }
inline bool operator<(const unique_fd &a, const unique_fd &b) noexcept { return a.get() < b.get(); }
inline bool operator>(const unique_fd &a, const unique_fd &b) noexcept { return b < a; }
inline bool operator<=(const unique_fd &a, const unique_fd &b) noexcept { return !(b < a); }
inline bool operator>=(const unique_fd &a, const unique_fd &b) noexcept { return !(a < b); }

/* An array of owners is an array of numbers: that is how it is passed to C. */
static_assert(sizeof(unique_fd) == sizeof(int) && std::is_standard_layout<unique_fd>::value,
              "a unique_fd is nothing but its number");

/* Owns up to N descriptors, in place, and closes them together, by one system call where their numbers
 * follow each other. A slot that was taken holds -1. */
template <std::size_t N> class fd_array {
    static_assert(N > 0, "an fd_array has room for a descriptor");

public:
    fd_array() noexcept : size_(0) {}
    fd_array(fd_array &&other) noexcept : size_(0) { take_over(other); }
    fd_array &operator=(fd_array &&other) noexcept
    {
        if (this != &other) {
            clear();
            take_over(other);
        }
        return *this;
    }
    fd_array(const fd_array &) = delete;
    fd_array &operator=(const fd_array &) = delete;
    ~fd_array() { clear(); }

    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    static constexpr std::size_t capacity() noexcept { return N; }

    /* The numbers, still owned here. */
    const int *data() const noexcept { return fds_; }
    const int *begin() const noexcept { return fds_; }
    const int *end() const noexcept { return fds_ + size_; }
    int operator[](std::size_t i) const noexcept { return fds_[i]; }

    /* Descriptor i, which is the caller's from here on; none where there is none. */
    ANCILLARY_NODISCARD unique_fd take(std::size_t i) noexcept
    {
        if (i >= size_)
            return unique_fd();
        unique_fd taken(fds_[i]);
        fds_[i] = -1;
        return taken;
    }
    /* false where it is full, or fd is none: it stays the caller's then. */
    bool push_back(unique_fd &&fd) noexcept
    {
        if (size_ == N || !fd)
            return false;
        fds_[size_++] = fd.release();
        return true;
    }
    /* Closes all of them. */
    void clear() noexcept
    {
        std::size_t n = release();
        anc_close_fds(fds_, n);
    }
    /* All of the numbers, as they stand in data(), are the caller's from here on. Their number. */
    std::size_t release() noexcept
    {
        std::size_t n = size_;
        size_ = 0;
        return n;
    }
    void swap(fd_array &other) noexcept { std::swap(*this, other); }

    /* For calls that write descriptors: where to, and where how many. It has to be empty. */
    int *slots() noexcept { return fds_; }
    std::size_t *count() noexcept { return &size_; }

private:
    void take_over(fd_array &other) noexcept
    {
        size_ = other.release();
        for (std::size_t i = 0; i < size_; i++)
            fds_[i] = other.fds_[i];
    }

    int fds_[N];
    std::size_t size_;
};

/* Views: of what is somebody else's, for the time of a call. */

namespace detail {

template <class T> struct is_byte : std::false_type {};
template <> struct is_byte<char> : std::true_type {};
template <> struct is_byte<signed char> : std::true_type {};
template <> struct is_byte<unsigned char> : std::true_type {};
#if __cplusplus >= 201703L
template <> struct is_byte<std::byte> : std::true_type {};
#endif

/* What the data() of a container points to that has a size() too: std::array, vector, string, span, ... */
template <class C, class = decltype(std::declval<C &>().size())>
using element = typename std::remove_pointer<decltype(std::declval<C &>().data())>::type;

template <class C, class = void> struct holds_bytes : std::false_type {};
template <class C>
struct holds_bytes<C, typename std::enable_if<is_byte<typename std::remove_cv<element<C>>::type>::value>::type>
    : std::true_type {};

template <class C, class = void> struct holds_writable_bytes : std::false_type {};
template <class C>
struct holds_writable_bytes<C, typename std::enable_if<is_byte<element<C>>::value>::type> : std::true_type {};

template <class C, class T, class = void> struct holds : std::false_type {};
template <class C, class T>
struct holds<C, T, typename std::enable_if<std::is_same<element<C>, T>::value>::type> : std::true_type {};

template <class C, class T> struct holds_const_or_not {
    static constexpr bool value = holds<C, T>::value || holds<C, const T>::value;
};

inline const int *numbers(const unique_fd *fds) noexcept { return reinterpret_cast<const int *>(fds); }
inline int *numbers(unique_fd *fds) noexcept { return reinterpret_cast<int *>(fds); }

inline void set(std::error_code &ec, int number) noexcept { ec.assign(number, std::generic_category()); }

/* Whether the C call succeeded. */
inline bool check(long result, std::error_code &ec) noexcept
{
    if (result < 0) {
        set(ec, errno);
        return false;
    }
    ec.clear();
    return true;
}

inline std::size_t count(ssize_t result, std::error_code &ec) noexcept
{
    return check(result, ec) ? static_cast<std::size_t>(result) : 0;
}

} // namespace detail

/* A descriptor that somebody else keeps open: a number, or a unique_fd. */
class borrowed_fd {
public:
    constexpr borrowed_fd(int fd) noexcept : fd_(fd) {}
    borrowed_fd(const unique_fd &fd) noexcept : fd_(fd.get()) {}
    constexpr int get() const noexcept { return fd_; }

private:
    int fd_;
};

/* Bytes to write to. */
class mutable_buffer {
public:
    constexpr mutable_buffer() noexcept : data_(nullptr), size_(0) {}
    constexpr mutable_buffer(void *data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <class T, std::size_t N, class = typename std::enable_if<detail::is_byte<T>::value>::type>
    constexpr mutable_buffer(T (&bytes)[N]) noexcept : data_(bytes), size_(N)
    {
    }
    template <class C, class = typename std::enable_if<detail::holds_writable_bytes<C>::value>::type>
    constexpr mutable_buffer(C &&bytes) noexcept : data_(bytes.data()), size_(bytes.size())
    {
    }
    constexpr void *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }

private:
    void *data_;
    std::size_t size_;
};

/* Bytes to read from. A string literal is none: it does not say whether its NUL belongs to it. */
class const_buffer {
public:
    constexpr const_buffer() noexcept : data_(nullptr), size_(0) {}
    constexpr const_buffer(const void *data, std::size_t size) noexcept : data_(data), size_(size) {}
    constexpr const_buffer(const mutable_buffer &bytes) noexcept : data_(bytes.data()), size_(bytes.size()) {}
    template <class T, std::size_t N,
              class = typename std::enable_if<detail::is_byte<typename std::remove_cv<T>::type>::value>::type>
    constexpr const_buffer(T (&bytes)[N]) noexcept : data_(bytes), size_(N)
    {
    }
    template <std::size_t N> const_buffer(const char (&literal)[N]) = delete;
    template <class C, class = typename std::enable_if<detail::holds_bytes<const C>::value>::type>
    constexpr const_buffer(const C &bytes) noexcept : data_(bytes.data()), size_(bytes.size())
    {
    }
    constexpr const void *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }

private:
    const void *data_;
    std::size_t size_;
};

/* Several buffers, one behind the other. */
class buffers {
public:
    constexpr buffers() noexcept : iov_(nullptr), count_(0) {}
    constexpr buffers(const iovec *iov, std::size_t count) noexcept : iov_(iov), count_(count) {}
    template <std::size_t N> constexpr buffers(const iovec (&iov)[N]) noexcept : iov_(iov), count_(N) {}
    template <class C, class = typename std::enable_if<detail::holds_const_or_not<const C, iovec>::value>::type>
    constexpr buffers(const C &iov) noexcept : iov_(iov.data()), count_(iov.size())
    {
    }
    constexpr const iovec *data() const noexcept { return iov_; }
    /* As the calls take it: more than they allow is EINVAL there. */
    constexpr int count() const noexcept { return count_ > 1024 ? 1025 : static_cast<int>(count_); }

private:
    const iovec *iov_;
    std::size_t count_;
};

/* Descriptors that somebody else keeps open: numbers, or owners. */
class fd_view {
public:
    constexpr fd_view() noexcept : fds_(nullptr), size_(0) {}
    constexpr fd_view(const int *fds, std::size_t size) noexcept : fds_(fds), size_(size) {}
    fd_view(const unique_fd *fds, std::size_t size) noexcept : fds_(detail::numbers(fds)), size_(size) {}
    fd_view(const unique_fd &fd) noexcept : fds_(detail::numbers(&fd)), size_(1) {}
    template <std::size_t N> constexpr fd_view(const int (&fds)[N]) noexcept : fds_(fds), size_(N) {}
    template <std::size_t N> fd_view(const unique_fd (&fds)[N]) noexcept : fds_(detail::numbers(fds)), size_(N) {}
    template <class C, class = typename std::enable_if<detail::holds_const_or_not<const C, int>::value ||
                                                       detail::holds_const_or_not<const C, unique_fd>::value>::type>
    fd_view(const C &fds) noexcept : fd_view(fds.data(), fds.size())
    {
    }
    constexpr const int *data() const noexcept { return fds_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr const int *begin() const noexcept { return fds_; }
    constexpr const int *end() const noexcept { return fds_ + size_; }

private:
    const int *fds_;
    std::size_t size_;
};

/* Owners to receive into. */
class fd_slots {
public:
    constexpr fd_slots() noexcept : fds_(nullptr), size_(0) {}
    constexpr fd_slots(unique_fd *fds, std::size_t size) noexcept : fds_(fds), size_(size) {}
    constexpr fd_slots(unique_fd &fd) noexcept : fds_(&fd), size_(1) {}
    template <std::size_t N> constexpr fd_slots(unique_fd (&fds)[N]) noexcept : fds_(fds), size_(N) {}
    template <class C, class = typename std::enable_if<detail::holds<C, unique_fd>::value>::type>
    constexpr fd_slots(C &&fds) noexcept : fds_(fds.data()), size_(fds.size())
    {
    }
    constexpr unique_fd *data() const noexcept { return fds_; }
    constexpr std::size_t size() const noexcept { return size_; }
    /* Closes what they own. */
    void clear() const noexcept
    {
        if (size_ > 0)
            anc_close_fds(detail::numbers(fds_), size_);
    }

private:
    unique_fd *fds_;
    std::size_t size_;
};

namespace detail {

/* A thread that is cancelled while it receives has closed the descriptors that earlier parts brought,
 * whose numbers stand in the slots: their owners must not close them again. */
class unwritten {
public:
    explicit unwritten(fd_slots slots) noexcept : slots_(slots) { slots_.clear(); }
    unwritten(const unwritten &) = delete;
    unwritten &operator=(const unwritten &) = delete;
    ~unwritten()
    {
        for (std::size_t i = kept_; i < slots_.size(); i++)
            static_cast<void>(slots_.data()[i].release());
    }
    int *slots() const noexcept { return numbers(slots_.data()); }
    std::size_t size() const noexcept { return slots_.size(); }
    void keep(std::size_t n) noexcept { kept_ = n; }

private:
    fd_slots slots_;
    std::size_t kept_ = 0;
};

/* A view owns nothing, so that its descriptors can't be moved: std::move the owner. */
inline bool refuse_move(unsigned flags, std::error_code &ec) noexcept
{
    if ((flags & ANC_MOVE) == 0)
        return false;
    set(ec, EINVAL);
    return true;
}

inline ssize_t send(int sock, const_buffer bytes, const int *fds, std::size_t n, unsigned flags)
{
    return anc_send_fds(sock, bytes.data(), bytes.size(), fds, n, flags);
}
inline ssize_t send(int sock, buffers bytes, const int *fds, std::size_t n, unsigned flags)
{
    return anc_sendv_fds(sock, bytes.data(), bytes.count(), fds, n, flags);
}
inline ssize_t recv(int sock, mutable_buffer bytes, int *fds, std::size_t max, std::size_t *n, unsigned flags)
{
    return anc_recv_fds(sock, bytes.data(), bytes.size(), fds, max, n, flags);
}
inline ssize_t recv(int sock, buffers bytes, int *fds, std::size_t max, std::size_t *n, unsigned flags)
{
    return anc_recvv_fds(sock, bytes.data(), bytes.count(), fds, max, n, flags);
}

template <class Bytes> std::size_t send_view(int sock, Bytes bytes, fd_view fds,
                                             std::error_code &ec, unsigned flags)
{
    if (refuse_move(flags, ec))
        return 0;
    return count(send(sock, bytes, fds.data(), fds.size(), flags), ec);
}

inline void close(unique_fd &fd) noexcept { fd.reset(); }
template <std::size_t N> void close(fd_array<N> &fds) noexcept { fds.clear(); }

/* Closed here and not by ANC_MOVE: a thread that is cancelled while it sends the rest of the bytes closes
 * what its owners have, and that must not be closed already. */
template <class Bytes, class Owner>
std::size_t send_owned(int sock, Bytes bytes, Owner &fds, std::error_code &ec, unsigned flags)
{
    fd_view view(fds);
    unsigned kept = flags & ~static_cast<unsigned>(ANC_MOVE);
    std::size_t gone = count(send(sock, bytes, view.data(), view.size(), kept), ec);
    if (!ec)
        close(fds);
    return gone;
}

} // namespace detail

/* Sending. */

/* anc_send_fds, anc_sendv_fds: the bytes that have gone. fds stay open here; ANC_MOVE is EINVAL. */
inline std::size_t send_fds(borrowed_fd sock, const_buffer bytes, fd_view fds,
                            std::error_code &ec, unsigned flags = 0)
{
    return detail::send_view(sock.get(), bytes, fds, ec, flags);
}
inline std::size_t send_fds(borrowed_fd sock, buffers bytes, fd_view fds,
                            std::error_code &ec, unsigned flags = 0)
{
    return detail::send_view(sock.get(), bytes, fds, ec, flags);
}
inline std::size_t send_fds(borrowed_fd sock, const_buffer bytes, std::initializer_list<int> fds,
                            std::error_code &ec, unsigned flags = 0)
{
    return detail::send_view(sock.get(), bytes, fd_view(fds.begin(), fds.size()), ec, flags);
}
inline std::size_t send_fds(borrowed_fd sock, buffers bytes, std::initializer_list<int> fds,
                            std::error_code &ec, unsigned flags = 0)
{
    return detail::send_view(sock.get(), bytes, fd_view(fds.begin(), fds.size()), ec, flags);
}

/* The same from an owner, which owns nothing afterwards; all that it did where none has gone. */
inline std::size_t send_fds(borrowed_fd sock, const_buffer bytes, unique_fd &&fd,
                            std::error_code &ec, unsigned flags = 0)
{
    return detail::send_owned(sock.get(), bytes, fd, ec, flags);
}
inline std::size_t send_fds(borrowed_fd sock, buffers bytes, unique_fd &&fd,
                            std::error_code &ec, unsigned flags = 0)
{
    return detail::send_owned(sock.get(), bytes, fd, ec, flags);
}
template <std::size_t N>
std::size_t send_fds(borrowed_fd sock, const_buffer bytes, fd_array<N> &&fds,
                     std::error_code &ec, unsigned flags = 0)
{
    return detail::send_owned(sock.get(), bytes, fds, ec, flags);
}
template <std::size_t N>
std::size_t send_fds(borrowed_fd sock, buffers bytes, fd_array<N> &&fds,
                     std::error_code &ec, unsigned flags = 0)
{
    return detail::send_owned(sock.get(), bytes, fds, ec, flags);
}

/* anc_send_fd: one NUL byte and the descriptor. */
inline bool send_fd(borrowed_fd sock, borrowed_fd fd, std::error_code &ec, unsigned flags = 0)
{
    return !detail::refuse_move(flags, ec) && detail::check(anc_send_fd(sock.get(), fd.get(), flags), ec);
}
inline bool send_fd(borrowed_fd sock, unique_fd &&fd, std::error_code &ec, unsigned flags = 0)
{
    if (!send_fd(sock, borrowed_fd(fd), ec, flags & ~static_cast<unsigned>(ANC_MOVE)))
        return false;
    fd.reset();
    return true;
}

/* Receiving. */

/* What a receive has brought. */
struct received {
    std::size_t bytes;
    std::size_t fds;
    /* End of file, or an empty message, which SEQPACKET and DGRAM can't tell apart from it; and what
     * an error leaves. */
    bool nothing() const noexcept { return bytes == 0 && fds == 0; }
};

namespace detail {

template <class Bytes, std::size_t N>
received recv_array(int sock, Bytes bytes, fd_array<N> &fds, std::error_code &ec, unsigned flags)
{
    fds.clear();
    /* The count is written when the call returns, so that a cancelled thread owns nothing here. */
    std::size_t got = count(recv(sock, bytes, fds.slots(), N, fds.count(), flags), ec);
    return received{got, fds.size()};
}

template <class Bytes> received recv_slots(int sock, Bytes bytes, fd_slots fds,
                                           std::error_code &ec, unsigned flags)
{
    unwritten rest(fds);
    std::size_t n = 0, got = count(recv(sock, bytes, rest.slots(), rest.size(), &n, flags), ec);
    rest.keep(n);
    return received{got, n};
}

template <class Bytes, class A>
received recv_vector(int sock, Bytes bytes, std::vector<unique_fd, A> &fds, std::size_t max,
                     std::error_code &ec, unsigned flags)
{
    fds.clear();
    if (max > ANC_FDS_MAX) {
        set(ec, EINVAL);
        return received{0, 0};
    }
    fds.reserve(max);
    int numbers[ANC_FDS_MAX];
    std::size_t n = 0, got = count(recv(sock, bytes, numbers, max, &n, flags), ec);
    for (std::size_t i = 0; i < n; i++)
        fds.emplace_back(numbers[i]);
    return received{got, n};
}

} // namespace detail

/* anc_recv_fds, anc_recvv_fds: no more descriptors than there is room for, or ERANGE. What the owners
 * had is closed before; those that nothing came for own nothing. */
template <std::size_t N>
ANCILLARY_NODISCARD received recv_fds(borrowed_fd sock, mutable_buffer bytes, fd_array<N> &fds,
                                      std::error_code &ec, unsigned flags = 0)
{
    return detail::recv_array(sock.get(), bytes, fds, ec, flags);
}
template <std::size_t N>
ANCILLARY_NODISCARD received recv_fds(borrowed_fd sock, buffers bytes, fd_array<N> &fds,
                                      std::error_code &ec, unsigned flags = 0)
{
    return detail::recv_array(sock.get(), bytes, fds, ec, flags);
}
ANCILLARY_NODISCARD inline received recv_fds(borrowed_fd sock, mutable_buffer bytes, fd_slots fds,
                                             std::error_code &ec, unsigned flags = 0)
{
    return detail::recv_slots(sock.get(), bytes, fds, ec, flags);
}
ANCILLARY_NODISCARD inline received recv_fds(borrowed_fd sock, buffers bytes, fd_slots fds,
                                             std::error_code &ec, unsigned flags = 0)
{
    return detail::recv_slots(sock.get(), bytes, fds, ec, flags);
}
/* Into a vector of at most max, which may be ANC_FDS_MAX: it allocates before it receives, and not at
 * all where its capacity suffices. */
template <class A>
ANCILLARY_NODISCARD received recv_fds(borrowed_fd sock, mutable_buffer bytes, std::vector<unique_fd, A> &fds, std::size_t max,
                                      std::error_code &ec, unsigned flags = 0)
{
    return detail::recv_vector(sock.get(), bytes, fds, max, ec, flags);
}
template <class A>
ANCILLARY_NODISCARD received recv_fds(borrowed_fd sock, buffers bytes, std::vector<unique_fd, A> &fds, std::size_t max,
                                      std::error_code &ec, unsigned flags = 0)
{
    return detail::recv_vector(sock.get(), bytes, fds, max, ec, flags);
}

/* anc_recv_fd: one byte and one descriptor. */
ANCILLARY_NODISCARD inline unique_fd recv_fd(borrowed_fd sock, std::error_code &ec, unsigned flags = 0)
{
    int fd = anc_recv_fd(sock.get(), flags);
    detail::check(fd, ec);
    return unique_fd(fd);
}

/* Control messages. */

/* A value, or none. */
template <class T> class maybe {
public:
    constexpr maybe() noexcept : value_(), is_there_(false) {}
    constexpr maybe(const T &value) noexcept : value_(value), is_there_(true) {}
    constexpr bool has_value() const noexcept { return is_there_; }
    explicit constexpr operator bool() const noexcept { return is_there_; }
    constexpr const T &operator*() const noexcept { return value_; }
    constexpr const T *operator->() const noexcept { return &value_; }
    constexpr T value_or(T other) const noexcept { return is_there_ ? value_ : other; }

private:
    T value_;
    bool is_there_;
};

/* One control message, as anc_next shows it: a view into the control buffer. */
class control_message {
public:
    control_message() noexcept : c_() {}
    explicit control_message(const anc_cmsg &c) noexcept : c_(c) {}
    int level() const noexcept { return c_.level; }
    int type() const noexcept { return c_.type; }
    bool is(int level, int type) const noexcept { return c_.level == level && c_.type == type; }
    /* As "SCM_RIGHTS", or NULL. */
    const char *name() const noexcept { return anc_name(c_.level, c_.type); }
    /* The payload, of any alignment. */
    const unsigned char *data() const noexcept { return static_cast<const unsigned char *>(c_.data); }
    std::size_t size() const noexcept { return c_.len; }
    bool is_cut() const noexcept { return c_.cut != 0; }

    /* The payload as a T; none where it has another size, or was cut. A descriptor that is read this way
     * is only looked at. */
    template <class T> maybe<T> get() const noexcept
    {
        static_assert(std::is_trivially_copyable<T>::value, "a payload is bytes");
        if (c_.len != sizeof(T) || c_.cut != 0)
            return maybe<T>();
        T value;
        std::memcpy(&value, c_.data, sizeof(T));
        return value;
    }

private:
    anc_cmsg c_;
};

/* The control messages of a msghdr, whoever filled it, as a range. It ends before one whose length is
 * shorter than its own header: check() tells. */
class control_messages {
public:
    class iterator {
    public:
        typedef control_message value_type;
        typedef control_message reference;
        typedef std::ptrdiff_t difference_type;
        typedef std::input_iterator_tag iterator_category;
        typedef std::forward_iterator_tag iterator_concept;
        class pointer {
        public:
            explicit pointer(const control_message &m) noexcept : m_(m) {}
            const control_message *operator->() const noexcept { return &m_; }

        private:
            control_message m_;
        };

        iterator() noexcept : msg_(), c_(), error_(0), is_end_(true) {}
        control_message operator*() const noexcept { return control_message(c_); }
        pointer operator->() const noexcept { return pointer(control_message(c_)); }
        iterator &operator++() noexcept
        {
            int shown = anc_next(&msg_, &c_);
            is_end_ = shown != 1;
            error_ = shown < 0 ? errno : 0;
            return *this;
        }
        iterator operator++(int) noexcept
        {
            iterator before = *this;
            ++*this;
            return before;
        }
        /* 0, or why it is the end. */
        int error() const noexcept { return error_; }
        friend bool operator==(const iterator &a, const iterator &b) noexcept
        {
            return a.is_end_ == b.is_end_ && (a.is_end_ || a.c_.next == b.c_.next);
        }
        friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

    private:
        friend class control_messages;
        explicit iterator(const msghdr &msg) noexcept : msg_(msg), c_(), error_(0), is_end_(false) { ++*this; }

        msghdr msg_;
        anc_cmsg c_;
        int error_;
        bool is_end_;
    };
    typedef iterator const_iterator;

    explicit control_messages(const msghdr &msg) noexcept : msg_()
    {
        msg_.msg_control = msg.msg_control;
        msg_.msg_controllen = msg.msg_controllen;
    }
    control_messages(const void *control, std::size_t len) noexcept : msg_()
    {
        msg_.msg_control = const_cast<void *>(control);
        msg_.msg_controllen = static_cast<decltype(msg_.msg_controllen)>(len);
    }
    iterator begin() const noexcept { return iterator(msg_); }
    iterator end() const noexcept { return iterator(); }

    /* Whether the range goes to the end of the control data. Keeps errno. */
    std::error_code check() const noexcept
    {
        int kept = errno;
        iterator i = begin();
        while (!i.is_end_)
            ++i;
        errno = kept;
        return std::error_code(i.error(), std::generic_category());
    }
    /* anc_get: the payload of the one message of this kind; none where there is none, or it has another
     * size. */
    template <class T> maybe<T> get(int level, int type, std::error_code &ec) const noexcept
    {
        static_assert(std::is_trivially_copyable<T>::value, "a payload is bytes");
        T value;
        return detail::check(anc_get(&msg_, level, type, &value, sizeof(T)), ec) ? maybe<T>(value) : maybe<T>();
    }

private:
    msghdr msg_;
};

/* Puts control messages into a buffer of the program's. The first error stays, and finish tells it. */
class control_builder {
public:
    explicit control_builder(mutable_buffer memory) noexcept { anc_builder_init(&b_, memory.data(), memory.size()); }
    control_builder(const control_builder &) = delete;
    control_builder &operator=(const control_builder &) = delete;

    control_builder &put(int level, int type, const_buffer data) noexcept
    {
        anc_put(&b_, level, type, data.data(), data.size());
        return *this;
    }
    template <class T> control_builder &put_value(int level, int type, const T &value) noexcept
    {
        static_assert(std::is_trivially_copyable<T>::value && !std::is_pointer<T>::value, "a payload is bytes");
        anc_put(&b_, level, type, &value, sizeof(T));
        return *this;
    }
    /* They must be open until the message is sent. */
    control_builder &put_fds(fd_view fds) noexcept
    {
        anc_put_fds(&b_, fds.data(), fds.size());
        return *this;
    }
    control_builder &put_credentials(std::int32_t pid, std::uint32_t uid, std::uint32_t gid) noexcept
    {
        anc_put_credentials(&b_, pid, uid, gid);
        return *this;
    }
    control_builder &put_source(const sockaddr *from, socklen_t len, std::uint32_t ifindex = 0) noexcept
    {
        anc_put_source(&b_, from, len, ifindex);
        return *this;
    }
    control_builder &put_reply_from(const anc_dest &asked) noexcept
    {
        anc_put_reply_from(&b_, &asked);
        return *this;
    }
    control_builder &put_tos(int family, int tos) noexcept
    {
        anc_put_tos(&b_, family, tos);
        return *this;
    }
    control_builder &put_ttl(int family, int ttl) noexcept
    {
        anc_put_ttl(&b_, family, ttl);
        return *this;
    }
    control_builder &put_segment(std::uint16_t bytes) noexcept
    {
        anc_put_segment(&b_, bytes);
        return *this;
    }
    control_builder &put_txtime(std::uint64_t ns) noexcept
    {
        anc_put_txtime(&b_, ns);
        return *this;
    }
    control_builder &put_timestamping(std::uint32_t sof_flags) noexcept
    {
        anc_put_timestamping(&b_, sof_flags);
        return *this;
    }
    control_builder &put_mark(std::uint32_t mark) noexcept
    {
        anc_put_mark(&b_, mark);
        return *this;
    }
    control_builder &put_priority(std::uint32_t priority) noexcept
    {
        anc_put_priority(&b_, priority);
        return *this;
    }

    /* anc_builder_finish: msg_control and msg_controllen of msg. */
    bool finish(msghdr &msg, std::error_code &ec) const noexcept
    {
        return detail::check(anc_builder_finish(&b_, &msg), ec);
    }
    std::error_code error() const noexcept { return std::error_code(b_.error, std::generic_category()); }
    std::size_t size() const noexcept { return b_.len; }

    /* What was built, as a range. */
    control_messages messages() const noexcept { return control_messages(b_.buf, b_.len); }
    control_messages::iterator begin() const noexcept { return messages().begin(); }
    control_messages::iterator end() const noexcept { return control_messages::iterator(); }

private:
    anc_builder b_;
};

struct credentials {
    std::int32_t pid;
    std::uint32_t uid;
    std::uint32_t gid;
};

/* What the control messages of one message say. Each fact is there or not; label and offender point into
 * the control buffer. */
class info {
public:
    info() noexcept : raw_() {}
    const anc_info &raw() const noexcept { return raw_; }
    /* Whether all of these ANC_ bits are there. */
    bool has(std::uint64_t facts) const noexcept { return (raw_.present & facts) == facts; }
    /* Whether any of them arrived shortened. */
    bool is_cut(std::uint64_t facts) const noexcept { return (raw_.cut & facts) != 0; }

    /* Descriptors that nobody has taken yet. */
    std::size_t fds() const noexcept { return raw_.nfds; }
    /* Messages that only control_messages shows. */
    std::size_t others() const noexcept { return raw_.nother; }
    maybe<credentials> sender() const noexcept
    {
        return fact(ANC_CREDENTIALS, credentials{raw_.pid, raw_.uid, raw_.gid});
    }
    /* To look at: take_pidfd owns it. */
    maybe<int> pidfd() const noexcept { return fact<int>(ANC_PIDFD, raw_.pidfd); }
    /* Not terminated by a NUL. */
    maybe<const_buffer> label() const noexcept
    {
        return fact(ANC_LABEL, const_buffer(raw_.label, raw_.label_len));
    }
    maybe<anc_time> time() const noexcept { return fact(ANC_TIME, raw_.time); }
    maybe<anc_time> software() const noexcept { return fact(ANC_TIMESTAMPING, raw_.software); }
    maybe<anc_time> hardware() const noexcept { return fact(ANC_TIMESTAMPING, raw_.hardware); }
    maybe<std::uint32_t> time_id() const noexcept { return fact(ANC_TIME_ID, raw_.time_id); }
    maybe<std::uint32_t> time_ifindex() const noexcept { return fact(ANC_TIME_PKTINFO, raw_.time_ifindex); }
    maybe<std::uint32_t> time_len() const noexcept { return fact(ANC_TIME_PKTINFO, raw_.time_len); }
    maybe<anc_dest> dest() const noexcept { return fact(ANC_DEST, raw_.dest); }
    maybe<sockaddr_storage> original() const noexcept { return fact(ANC_ORIGINAL, raw_.original); }
    maybe<int> ttl() const noexcept { return fact<int>(ANC_TTL, raw_.ttl); }
    maybe<int> tos() const noexcept { return fact<int>(ANC_TOS, raw_.tos); }
    maybe<std::uint32_t> segment() const noexcept { return fact(ANC_SEGMENT, raw_.segment); }
    maybe<std::uint32_t> drops() const noexcept { return fact(ANC_DROPS, raw_.drops); }
    maybe<anc_sock_error> error() const noexcept { return fact(ANC_ERROR, raw_.error); }
    /* NULL where nobody is named. */
    const sockaddr *offender() const noexcept { return has(ANC_ERROR) ? raw_.offender : nullptr; }
    maybe<std::uint32_t> mark() const noexcept { return fact(ANC_MARK, raw_.mark); }
    maybe<std::uint32_t> priority() const noexcept { return fact(ANC_PRIORITY, raw_.priority); }
    maybe<std::uint32_t> inq() const noexcept { return fact(ANC_INQ, raw_.inq); }
    maybe<std::uint32_t> tls_record() const noexcept { return fact(ANC_TLS_RECORD, raw_.tls_record); }
    maybe<std::uint32_t> vlan_tci() const noexcept { return fact(ANC_AUXDATA, raw_.vlan_tci); }
    maybe<std::uint32_t> vlan_tpid() const noexcept { return fact(ANC_AUXDATA, raw_.vlan_tpid); }
    maybe<std::uint32_t> fragsize() const noexcept { return fact(ANC_FRAGSIZE, raw_.fragsize); }
    maybe<std::uint32_t> flowinfo() const noexcept { return fact(ANC_FLOWINFO, raw_.flowinfo); }

    /* anc_decode. */
    bool decode(const msghdr &msg, std::error_code &ec) noexcept
    {
        raw_.present = raw_.cut = 0;
        raw_.nfds = raw_.nother = 0;
        return detail::check(anc_decode(&msg, &raw_, sizeof(raw_)), ec);
    }

private:
    template <class T> maybe<T> fact(std::uint64_t bit, const T &value) const noexcept
    {
        return has(bit) ? maybe<T>(value) : maybe<T>();
    }

    anc_info raw_;
};

/* anc_decode: a malformed message is EBADMSG, with what stood before it decoded. */
inline info decode(const msghdr &msg, std::error_code &ec) noexcept
{
    info i;
    i.decode(msg, ec);
    return i;
}

/* Messages of the program's own. */

/* anc_take_fds. */
template <std::size_t N> std::size_t take_fds(msghdr &msg, fd_array<N> &fds,
                                              std::error_code &ec, unsigned flags = 0) noexcept
{
    fds.clear();
    detail::check(anc_take_fds(&msg, fds.slots(), N, fds.count(), flags), ec);
    return fds.size();
}
inline std::size_t take_fds(msghdr &msg, fd_slots fds, std::error_code &ec, unsigned flags = 0) noexcept
{
    std::size_t n = 0;
    fds.clear();
    detail::check(anc_take_fds(&msg, detail::numbers(fds.data()), fds.size(), &n, flags), ec);
    return n;
}
/* anc_take_pidfd. */
ANCILLARY_NODISCARD inline unique_fd take_pidfd(msghdr &msg, std::error_code &ec) noexcept
{
    int fd = anc_take_pidfd(&msg);
    detail::check(fd, ec);
    return unique_fd(fd);
}

/* Closes what nobody has taken of a msghdr, at the end of the scope. */
class close_unclaimed {
public:
    explicit close_unclaimed(msghdr &msg) noexcept : msg_(msg) {}
    close_unclaimed(const close_unclaimed &) = delete;
    close_unclaimed &operator=(const close_unclaimed &) = delete;
    ~close_unclaimed() { anc_close_unclaimed(&msg_); }

private:
    msghdr &msg_;
};

/* anc_sendmsg, anc_recvmsg. */
inline std::size_t sendmsg(borrowed_fd sock, const msghdr &msg, std::error_code &ec, int msg_flags = 0)
{
    return detail::count(anc_sendmsg(sock.get(), &msg, msg_flags), ec);
}
inline std::size_t recvmsg(borrowed_fd sock, msghdr &msg, std::error_code &ec, int msg_flags = 0)
{
    return detail::count(anc_recvmsg(sock.get(), &msg, msg_flags), ec);
}

/* A message with all its control messages, of at most Control bytes. It owns the descriptors that nobody
 * has taken, until the next receive. */
template <std::size_t Control = ANC_CONTROL_MAX> class whole_message {
public:
    whole_message() noexcept : msg_() {}
    whole_message(const whole_message &) = delete;
    whole_message &operator=(const whole_message &) = delete;
    ~whole_message() { clear(); }

    /* The bytes that came. What was lost is in flags(). */
    std::size_t recv(borrowed_fd sock, buffers bytes, std::error_code &ec, int msg_flags = 0)
    {
        clear();
        if (bytes.count() > 1024) {
            detail::set(ec, EINVAL);
            return 0;
        }
        msg_.msg_name = &from_;
        msg_.msg_namelen = sizeof(from_);
        msg_.msg_iov = const_cast<iovec *>(bytes.data());
        msg_.msg_iovlen = static_cast<decltype(msg_.msg_iovlen)>(bytes.count());
        msg_.msg_control = control_;
        msg_.msg_controllen = Control;
        msg_.msg_flags = 0;
        std::size_t n = recvmsg(sock, msg_, ec, msg_flags);
        msg_.msg_iov = nullptr;
        msg_.msg_iovlen = 0;
        if (ec)
            clear();
        return n;
    }
    std::size_t recv(borrowed_fd sock, mutable_buffer bytes, std::error_code &ec, int msg_flags = 0)
    {
        iovec one = {bytes.data(), bytes.size()};
        return recv(sock, buffers(&one, 1), ec, msg_flags);
    }
    /* Closes what nobody has taken. */
    void clear() noexcept
    {
        anc_close_unclaimed(&msg_);
        msg_ = msghdr();
    }

    int flags() const noexcept { return msg_.msg_flags; }
    /* Who sent it. */
    const sockaddr *from() const noexcept { return reinterpret_cast<const sockaddr *>(&from_); }
    socklen_t from_len() const noexcept { return msg_.msg_namelen; }
    /* anc_truncation_cause: nothing without MSG_CTRUNC. To be asked before anything is taken. */
    std::error_code truncation_cause() const noexcept
    {
        return std::error_code(anc_truncation_cause(&msg_, Control), std::generic_category());
    }
    control_messages messages() const noexcept { return control_messages(msg_); }
    info decode(std::error_code &ec) const noexcept { return v0::decode(msg_, ec); }
    template <std::size_t N> std::size_t take_fds(fd_array<N> &fds,
                                                  std::error_code &ec, unsigned flags = 0) noexcept
    {
        return v0::take_fds(msg_, fds, ec, flags);
    }
    std::size_t take_fds(fd_slots fds, std::error_code &ec, unsigned flags = 0) noexcept
    {
        return v0::take_fds(msg_, fds, ec, flags);
    }
    ANCILLARY_NODISCARD unique_fd take_pidfd(std::error_code &ec) noexcept { return v0::take_pidfd(msg_, ec); }

private:
    msghdr msg_;
    sockaddr_storage from_;
    alignas(cmsghdr) unsigned char control_[Control];
};

/* Descriptors that came before the bytes that name them: at most N of them wait. */
template <std::size_t N> class fd_queue {
public:
    static_assert(N > 0, "a queue has slots");

    fd_queue() noexcept { anc_fd_queue_init(&q_, slots_, N); }
    fd_queue(const fd_queue &) = delete;
    fd_queue &operator=(const fd_queue &) = delete;
    ~fd_queue() { clear(); }

    std::size_t size() const noexcept { return q_.count; }
    bool empty() const noexcept { return q_.count == 0; }
    static constexpr std::size_t capacity() noexcept { return N; }

    /* anc_fd_queue_recv, anc_fd_queue_recvv: the bytes. */
    std::size_t recv(borrowed_fd sock, mutable_buffer bytes, std::size_t max_fds,
                     std::error_code &ec, unsigned flags = 0)
    {
        return detail::count(anc_fd_queue_recv(&q_, sock.get(), bytes.data(), bytes.size(), max_fds, flags), ec);
    }
    std::size_t recv(borrowed_fd sock, buffers bytes, std::size_t max_fds,
                     std::error_code &ec, unsigned flags = 0)
    {
        return detail::count(anc_fd_queue_recvv(&q_, sock.get(), bytes.data(), bytes.count(), max_fds, flags), ec);
    }
    /* The oldest. ENOMSG: there is none. */
    ANCILLARY_NODISCARD unique_fd take(std::error_code &ec) noexcept
    {
        int fd = anc_fd_queue_take(&q_);
        detail::check(fd, ec);
        return unique_fd(fd);
    }
    /* As many as there are slots, or none: ENOMSG. */
    bool take(fd_slots fds, std::error_code &ec) noexcept
    {
        fds.clear();
        return detail::check(anc_fd_queue_take_fds(&q_, detail::numbers(fds.data()), fds.size()), ec);
    }
    /* Closes all of them. */
    void clear() noexcept { anc_fd_queue_close(&q_); }

private:
    anc_fd_queue q_;
    int slots_[N];
};

/* The channel. */

class sender;

/* What every message to send is. It is neither copied nor moved, for the channel points to it; one that
 * ends while it waits takes the channel's other messages with it (anc_tx_drop). */
class outgoing_base {
public:
    outgoing_base(const outgoing_base &) = delete;
    outgoing_base &operator=(const outgoing_base &) = delete;

    /* It waits, or has gone in part: it and its bytes have to stay as they are. */
    bool is_pending() const noexcept
    {
        return sender_ != nullptr && out_.state != ANC_OUT_DONE && out_.state != ANC_OUT_DROPPED;
    }
    /* Its descriptors have gone: borrowed ones may be closed. */
    bool has_fds_gone() const noexcept
    {
        return sender_ != nullptr && (out_.state == ANC_OUT_FDS_GONE || out_.state == ANC_OUT_DONE);
    }
    bool is_done() const noexcept { return sender_ != nullptr && out_.state == ANC_OUT_DONE; }
    /* It will not go, or not to its end. */
    bool is_dropped() const noexcept { return sender_ != nullptr && out_.state == ANC_OUT_DROPPED; }

protected:
    outgoing_base() noexcept : out_(), iov_(), sender_(nullptr) {}
    ~outgoing_base() { withdraw(); }
    inline void withdraw() noexcept;

    /* false while it is pending. */
    bool set_bytes(const_buffer bytes) noexcept
    {
        if (is_pending())
            return false;
        iov_.iov_base = const_cast<void *>(bytes.data());
        iov_.iov_len = bytes.size();
        return set_bytes(buffers(&iov_, 1));
    }
    bool set_bytes(buffers bytes) noexcept
    {
        if (is_pending())
            return false;
        out_.iov = bytes.data();
        out_.iovcnt = bytes.count();
        sender_ = nullptr;
        return true;
    }

    anc_out out_;
    iovec iov_;
    sender *sender_;
    friend class sender;
};

/* A message to send. The bytes stay where they are until it is_done or is_dropped, the descriptors open
 * until it has_fds_gone. */
class outgoing : public outgoing_base {
public:
    outgoing() noexcept {}
    explicit outgoing(const_buffer bytes, fd_view fds = fd_view()) noexcept { set(bytes, fds); }
    explicit outgoing(buffers bytes, fd_view fds = fd_view()) noexcept { set(bytes, fds); }

    /* Another message: false, and nothing changes, while this one is pending. */
    bool set(const_buffer bytes, fd_view fds = fd_view()) noexcept { return set_bytes(bytes) && set_fds(fds); }
    bool set(buffers bytes, fd_view fds = fd_view()) noexcept { return set_bytes(bytes) && set_fds(fds); }

private:
    bool set_fds(fd_view fds) noexcept
    {
        out_.fds = fds.data();
        out_.nfds = fds.size();
        return true;
    }
};

/* A message that owns its descriptors, at most N, until it is queued: the channel does from then on. */
template <std::size_t N> class outgoing_with : public outgoing_base {
public:
    outgoing_with() noexcept {}
    outgoing_with(const_buffer bytes, fd_array<N> &&fds) noexcept { set(bytes, std::move(fds)); }
    outgoing_with(buffers bytes, fd_array<N> &&fds) noexcept { set(bytes, std::move(fds)); }
    ~outgoing_with() { withdraw(); }

    /* Another message: false, and nothing changes, while this one is pending. */
    bool set(const_buffer bytes, fd_array<N> &&fds) noexcept
    {
        return set_bytes(bytes) && set_fds(std::move(fds));
    }
    bool set(buffers bytes, fd_array<N> &&fds) noexcept { return set_bytes(bytes) && set_fds(std::move(fds)); }

private:
    bool set_fds(fd_array<N> &&fds) noexcept
    {
        fds_ = std::move(fds);
        return true;
    }

    fd_array<N> fds_;
    friend class sender;
};

/* The sending side of a channel, on memory of the program's. It does not move, for its messages point to
 * it; the socket stays the program's. */
class sender {
public:
    sender() noexcept : tx_() {}
    sender(const sender &) = delete;
    sender &operator=(const sender &) = delete;
    ~sender() { drop(); }

    /* anc_tx_init. memory: ANC_TX_BUFFER bytes. */
    bool open(borrowed_fd sock, mutable_buffer memory,
              std::error_code &ec, const anc_limits &limits = anc_limits()) noexcept
    {
        return detail::check(anc_tx_init(&tx_, sock.get(), memory.data(), memory.size(), &limits, sizeof(tx_)), ec);
    }
    /* anc_tx_queue. A message that is pending already is EBUSY. */
    bool queue(outgoing &m, std::error_code &ec) noexcept { return put(m, 0, ec); }
    template <std::size_t N> bool queue(outgoing_with<N> &m, std::error_code &ec) noexcept
    {
        if (!m.is_pending()) {
            m.out_.fds = m.fds_.data();
            m.out_.nfds = m.fds_.size();
        }
        if (!put(m, ANC_MOVE, ec))
            return false;
        m.fds_.release();
        return true;
    }
    /* anc_tx_flush. */
    bool flush(std::error_code &ec, int timeout_ms = -1) { return detail::check(anc_tx_flush(&tx_, timeout_ms), ec); }

    /* anc_tx_next: false without an error: nothing waits. */
    bool next(msghdr &msg, std::error_code &ec) noexcept
    {
        int r = anc_tx_next(&tx_, &msg);
        return detail::check(r, ec) && r == 1;
    }
    /* anc_tx_sent. */
    bool sent(ssize_t n, std::error_code &ec) noexcept { return detail::check(anc_tx_sent(&tx_, n), ec); }
    /* anc_tx_drop. */
    void drop() noexcept { anc_tx_drop(&tx_); }

private:
    bool put(outgoing_base &m, unsigned flags, std::error_code &ec) noexcept
    {
        if (m.is_pending()) {
            detail::set(ec, EBUSY);
            return false;
        }
        m.out_.flags = flags;
        if (!detail::check(anc_tx_queue(&tx_, &m.out_), ec))
            return false;
        m.sender_ = this;
        return true;
    }

    anc_tx tx_;
};

inline void outgoing_base::withdraw() noexcept
{
    if (is_pending())
        sender_->drop();
}

/* What has come on a channel: a message, or a part of one that is larger than a frame. It can't be kept:
 * there is one for each receiver, and the next call on that writes it anew. */
class frame {
public:
    frame(const frame &) = delete;
    frame &operator=(const frame &) = delete;

    const unsigned char *data() const noexcept { return static_cast<const unsigned char *>(in_.data); }
    std::size_t size() const noexcept { return in_.len; }
    const unsigned char *begin() const noexcept { return data(); }
    const unsigned char *end() const noexcept { return data() + size(); }
    /* The message goes on with what is received next. */
    bool has_more() const noexcept { return in_.more != 0; }

    /* Descriptors: all of them, taken or lost too. */
    std::size_t fds() const noexcept { return in_.nfds; }
    /* Descriptor i, which is the caller's from here on. EMFILE, EOVERFLOW: it was lost. ENOMSG: it was
     * taken. EINVAL: there is none. */
    ANCILLARY_NODISCARD unique_fd take(std::size_t i, std::error_code &ec) noexcept
    {
        if (i >= in_.nfds) {
            detail::set(ec, EINVAL);
            return unique_fd();
        }
        int fd = in_.fds[i];
        if (fd < 0) {
            detail::set(ec, fd == -1 ? ENOMSG : -fd);
            return unique_fd();
        }
        in_.fds[i] = -1;
        ec.clear();
        return unique_fd(fd);
    }
    /* Descriptor i, to look at; negative where it was lost or taken. */
    int fd(std::size_t i) const noexcept { return i < in_.nfds ? in_.fds[i] : -1; }

private:
    friend class receiver;
    frame() noexcept : in_() {}
    anc_in in_;
};

/* The receiving side of a channel, on memory of the program's. It does not move; the socket stays the
 * program's. */
class receiver {
public:
    receiver() noexcept : rx_() {}
    receiver(const receiver &) = delete;
    receiver &operator=(const receiver &) = delete;
    ~receiver() { close(); }

    /* anc_rx_init. memory: ANC_RX_BUFFER bytes; slots: ANC_FDS_MAX. */
    bool open(borrowed_fd sock, mutable_buffer memory, int *slots, std::size_t nslots, std::error_code &ec,
              const anc_limits &limits = anc_limits()) noexcept
    {
        close();
        return detail::check(
            anc_rx_init(&rx_, sock.get(), memory.data(), memory.size(), slots, nslots, &limits, sizeof(rx_)), ec);
    }
    /* anc_rx_recv: true: current() is what has come. false without an error: end of file. */
    bool receive(std::error_code &ec, int timeout_ms = -1)
    {
        frame_.in_ = anc_in();
        int r = anc_rx_recv(&rx_, &frame_.in_, timeout_ms);
        return detail::check(r, ec) && r == 1;
    }
    frame &current() noexcept { return frame_; }

    /* anc_rx_next: false without an error: prepare. */
    bool next(std::error_code &ec) noexcept
    {
        frame_.in_ = anc_in();
        int r = anc_rx_next(&rx_, &frame_.in_);
        return detail::check(r, ec) && r == 1;
    }
    /* anc_rx_prepare: false without an error: end of file, or next has something to tell. */
    bool prepare(msghdr &msg, std::error_code &ec) noexcept
    {
        int r = anc_rx_prepare(&rx_, &msg);
        return detail::check(r, ec) && r == 1;
    }
    /* anc_rx_got. */
    bool got(msghdr &msg, ssize_t n, std::error_code &ec) noexcept
    {
        return detail::check(anc_rx_got(&rx_, &msg, n), ec);
    }
    /* anc_rx_close. */
    void close() noexcept
    {
        frame_.in_ = anc_in();
        anc_rx_close(&rx_);
    }

private:
    anc_rx rx_;
    frame frame_;
};

/* The same two with memory of their own; it makes them large. */
template <std::size_t Bytes = ANC_TX_BUFFER> class sender_with_memory : public sender {
public:
    sender_with_memory() noexcept {}
    ~sender_with_memory() { drop(); }
    bool open(borrowed_fd sock, std::error_code &ec, const anc_limits &limits = anc_limits()) noexcept
    {
        return sender::open(sock, memory_, ec, limits);
    }

private:
    unsigned char memory_[Bytes];
};

template <std::size_t Bytes = ANC_RX_BUFFER, std::size_t Slots = ANC_FDS_MAX>
class receiver_with_memory : public receiver {
public:
    receiver_with_memory() noexcept {}
    ~receiver_with_memory() { close(); }
    bool open(borrowed_fd sock, std::error_code &ec, const anc_limits &limits = anc_limits()) noexcept
    {
        return receiver::open(sock, memory_, slots_, Slots, ec, limits);
    }

private:
    unsigned char memory_[Bytes];
    int slots_[Slots];
};

/* Sockets and descriptors. */

/* anc_want: the facts that were refused. */
inline std::uint64_t want(borrowed_fd sock, std::uint64_t on, std::uint64_t off, std::error_code &ec) noexcept
{
    std::uint64_t refused = 0;
    detail::check(anc_want(sock.get(), on, off, &refused), ec);
    return refused;
}
/* anc_want_timestamping. */
inline bool want_timestamping(borrowed_fd sock, std::uint32_t sof_flags, std::error_code &ec) noexcept
{
    return detail::check(anc_want_timestamping(sock.get(), sof_flags), ec);
}
/* anc_wanted. */
inline std::uint64_t wanted(borrowed_fd sock, std::error_code &ec) noexcept
{
    std::uint64_t kinds = 0;
    detail::check(anc_wanted(sock.get(), &kinds), ec);
    return kinds;
}
/* anc_refuse_fds. */
inline bool refuse_fds(borrowed_fd sock, std::error_code &ec) noexcept
{
    return detail::check(anc_refuse_fds(sock.get()), ec);
}

/* Who connected or listened. */
struct peer_info {
    maybe<credentials> who;
    unique_fd pidfd;
};

/* anc_peer. */
inline peer_info peer(borrowed_fd sock, std::error_code &ec, unsigned flags = 0) noexcept
{
    peer_info told;
    struct ::anc_peer p = {0, 0, 0, 0, -1};
    if (detail::check(::anc_peer(sock.get(), &p, sizeof(p), flags), ec)) {
        if ((p.present & ANC_PEER_CREDENTIALS) != 0)
            told.who = credentials{p.pid, p.uid, p.gid};
        if ((p.present & ANC_PEER_PIDFD) != 0)
            told.pidfd.reset(p.pidfd);
    }
    return told;
}
/* anc_peer_label: its length; with ERANGE the room that it needs. */
inline std::size_t peer_label(borrowed_fd sock, char *label, std::size_t room, std::error_code &ec) noexcept
{
    detail::check(anc_peer_label(sock.get(), label, &room), ec);
    return room;
}
/* anc_peer_groups: their number; with ERANGE the slots that they need. */
inline std::size_t peer_groups(borrowed_fd sock, gid_t *groups, std::size_t room, std::error_code &ec) noexcept
{
    detail::check(anc_peer_groups(sock.get(), groups, &room), ec);
    return room;
}
/* anc_peer_token: eight words; audit_token_t has as many. */
inline bool peer_token(borrowed_fd sock, std::uint32_t (&token)[8], std::error_code &ec) noexcept
{
    return detail::check(anc_peer_token(sock.get(), token), ec);
}
/* anc_pidfd_matches. */
inline bool pidfd_matches(borrowed_fd pidfd, std::int32_t pid, std::error_code &ec) noexcept
{
    int r = anc_pidfd_matches(pidfd.get(), pid);
    return detail::check(r, ec) && r == 1;
}

/* anc_fd_describe. */
inline anc_fd_info fd_describe(borrowed_fd fd, std::error_code &ec) noexcept
{
    anc_fd_info i = anc_fd_info();
    detail::check(anc_fd_describe(fd.get(), &i, sizeof(i)), ec);
    return i;
}
/* anc_fd_require. */
inline bool fd_require(borrowed_fd fd, std::uint32_t kinds, std::uint32_t access, std::uint32_t seals,
                       std::error_code &ec) noexcept
{
    return detail::check(anc_fd_require(fd.get(), kinds, access, seals), ec);
}

} // namespace v0
} // namespace ancillary

#undef ANCILLARY_NODISCARD

#endif /* ANCILLARY_HPP */
