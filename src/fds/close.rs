//! Closing, in as few system calls as the numbers allow.

use core::ffi::c_int;
use core::mem;

use crate::sys::{self, FDS_MAX};

/// Closes the descriptors that `fds` yields, and forgets the negative numbers. Keeps errno; is no
/// cancellation point.
///
/// Numbers that follow each other go in one close_range, for closing is what a large message costs
/// most: 59 % of a round trip of 253 descriptors that are closed one by one.
pub(super) fn close_each(fds: impl Iterator<Item = c_int>) {
    let kept = sys::errno();
    sys::uncancellable(|| {
        let mut run: Option<(c_int, c_int)> = None;
        for fd in fds.filter(|fd| *fd >= 0) {
            run = match run {
                Some((first, last)) if last.checked_add(1) == Some(fd) => Some((first, fd)),
                Some((first, last)) => {
                    sys::close(first, last);
                    Some((fd, fd))
                }
                None => Some((fd, fd)),
            };
        }
        if let Some((first, last)) = run {
            sys::close(first, last);
        }
    });
    sys::set_errno(kept);
}

/// Closes the caller's descriptors and leaves -1 in their slots.
pub(crate) fn close_list(fds: &mut [c_int]) {
    close_each(fds.iter_mut().map(|slot| if *slot < 0 { *slot } else { mem::replace(slot, -1) }));
}

/// Closes descriptors whose numbers nobody else will use.
pub(crate) fn close_copies(fds: &[c_int]) {
    close_each(fds.iter().copied());
}

/// Closes descriptors that the kernel has now, each number of a list once: a second close of the same
/// number would hit whatever another thread has opened in between.
///
/// A list that is longer than one message carries has each number once, so that the search in it
/// need not grow with its square.
pub(crate) fn close_moved<'a>(lists: impl Iterator<Item = &'a [c_int]>) {
    close_each(lists.flat_map(|fds| fds.chunks(FDS_MAX)).flat_map(each_once));
}

fn each_once(fds: &[c_int]) -> impl Iterator<Item = c_int> {
    // Descriptors opened in a row need no search.
    let is_ascending = fds.is_sorted_by(|a, b| a < b);
    let is_first = move |i: usize, fd: &c_int| is_ascending || !fds.get(..i).unwrap_or_default().contains(fd);
    (0..fds.len()).zip(fds).filter(move |(i, fd)| is_first(*i, fd)).map(|(_, fd)| *fd)
}
