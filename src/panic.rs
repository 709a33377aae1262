//! The proof of panic freedom.
//!
//! The handler calls a function that nobody defines. One bounds check or overflow check that the
//! optimiser could not show to hold keeps the handler alive, and the link of the shared library
//! ends with an undefined reference to this name.

use core::panic::PanicInfo;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    #[cfg(not(anc_panic = "abort"))]
    {
        unsafe extern "C" {
            fn anc_a_panic_can_be_reached() -> !;
        }
        // SAFETY: never runs: the library does not link while this call is reachable.
        unsafe { anc_a_panic_can_be_reached() }
    }
    // For a compiler that cannot prove it (`make ANC_PANIC=abort`).
    #[cfg(anc_panic = "abort")]
    {
        // SAFETY: abort has no preconditions.
        unsafe { libc::abort() }
    }
}
