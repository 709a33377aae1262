/* For the parser, which stumbles over them. */
#define _Alignas(x)
#define alignas(x)
#define _Noreturn
#define _Nonnull
#define _Nullable
#define __nonnull(x)
#define __printf_like(a, b)
#define TEMP_FAILURE_RETRY(x) (x)
#define CMSG_BUFFER_TYPE(size) union control_buffer
