//! Descriptors in an array.

use std::ffi::c_int;
use std::fmt;
use std::iter::FusedIterator;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::slice;
use std::vec::Vec;

use super::Error;
use crate::fds::close_copies;

/// Up to `N` descriptors, which it owns, without memory from elsewhere.
///
/// It is a slice of [`OwnedFd`], an iterator of them when it is consumed, and an array where all `N` are
/// there. Dropped, it closes descriptors whose numbers follow each other by one system call.
///
/// ```
/// use std::os::unix::net::UnixStream;
/// use std::os::fd::AsFd;
/// use ancillary::SocketExt;
///
/// let (ours, theirs) = UnixStream::pair()?;
/// ours.send_fds(b"!", &[ours.as_fd(), theirs.as_fd()])?;
/// let (_, fds) = theirs.recv_fds::<4>(&mut [0; 8])?;
/// assert_eq!(fds.len(), 2);
/// for fd in fds {
///     drop(UnixStream::from(fd));
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A descriptor that was taken out can't be used here any more:
///
/// ```compile_fail,E0382
/// # let file = std::fs::File::open("/dev/null").unwrap();
/// let fds = ancillary::Fds::<1>::from(std::os::fd::OwnedFd::from(file));
/// let taken = fds.into_iter().next();
/// println!("{}", fds.len());
/// ```
pub struct Fds<const N: usize> {
    /// Of which `len` hold descriptors.
    slots: [MaybeUninit<c_int>; N],
    len: usize,
}

impl<const N: usize> Fds<N> {
    /// None.
    ///
    /// ```
    /// assert!(ancillary::Fds::<3>::new().is_empty());
    /// ```
    pub const fn new() -> Self {
        Self { slots: [MaybeUninit::uninit(); N], len: 0 }
    }

    /// Puts one behind the others.
    ///
    /// # Errors
    /// The descriptor itself where `N` are there already.
    ///
    /// ```
    /// # let file = std::fs::File::open("/dev/null")?;
    /// let mut fds = ancillary::Fds::<1>::new();
    /// fds.push(file.try_clone()?.into()).unwrap();
    /// assert!(fds.push(file.into()).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn push(&mut self, fd: OwnedFd) -> Result<(), OwnedFd> {
        match self.slots.get_mut(self.len) {
            Some(slot) => {
                slot.write(fd.into_raw_fd());
                self.len += 1;
                Ok(())
            }
            None => Err(fd),
        }
    }

    /// Takes the last one.
    ///
    /// ```
    /// # let file = std::fs::File::open("/dev/null")?;
    /// let mut fds = ancillary::Fds::<1>::from(std::os::fd::OwnedFd::from(file));
    /// assert!(fds.pop().is_some() && fds.pop().is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pop(&mut self) -> Option<OwnedFd> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: the slot held a descriptor, and is not looked at any more.
        Some(unsafe { OwnedFd::from_raw_fd(self.slots[self.len].assume_init()) })
    }

    /// The descriptors, to be sent on.
    ///
    /// ```
    /// # use ancillary::SocketExt;
    /// # let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # let file = std::fs::File::open("/dev/null")?;
    /// let fds = ancillary::Fds::<1>::from(std::os::fd::OwnedFd::from(file));
    /// ours.send_fds(b"x", fds.as_borrowed())?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn as_borrowed(&self) -> &[BorrowedFd<'_>] {
        let fds = self.numbers();
        // SAFETY: a BorrowedFd has the representation of a descriptor, and these stay open as long as
        // they are borrowed.
        unsafe { slice::from_raw_parts(fds.as_ptr().cast(), fds.len()) }
    }

    /// All of them as an array.
    ///
    /// # Errors
    /// Itself, where there are fewer than `N`.
    ///
    /// ```
    /// # let file = std::fs::File::open("/dev/null")?;
    /// let fds = ancillary::Fds::<1>::from(std::os::fd::OwnedFd::from(file));
    /// let [fd] = fds.into_array().unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_array(self) -> Result<[OwnedFd; N], Self> {
        if self.len < N {
            return Err(self);
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: all slots hold descriptors, which the array owns from here on.
        Ok(this.slots.map(|slot| unsafe { OwnedFd::from_raw_fd(slot.assume_init()) }))
    }

    /// The slots, of which a receive says by [`set_len`](Self::set_len) how many it has filled.
    pub(super) fn slots(&mut self) -> &mut [MaybeUninit<c_int>] {
        &mut self.slots
    }

    /// # Safety
    /// The first `len` slots hold descriptors that have no other owner, and those before were none.
    pub(super) unsafe fn set_len(&mut self, len: usize) {
        self.len = len;
    }

    pub(super) fn numbers(&self) -> &[c_int] {
        let filled = &self.slots[..self.len];
        // SAFETY: the first `len` slots are filled.
        unsafe { slice::from_raw_parts(filled.as_ptr().cast(), filled.len()) }
    }

    /// Hands the descriptors over to whoever knows their numbers.
    pub(super) fn forget(self) {
        let _ = ManuallyDrop::new(self);
    }
}

impl<const N: usize> Default for Fds<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Drop for Fds<N> {
    fn drop(&mut self) {
        match *self.numbers() {
            [] => {}
            // SAFETY: owned, and not looked at any more.
            [fd] => drop(unsafe { OwnedFd::from_raw_fd(fd) }),
            _ => close_copies(self.numbers()),
        }
    }
}

impl<const N: usize> Deref for Fds<N> {
    type Target = [OwnedFd];

    fn deref(&self) -> &[OwnedFd] {
        let fds = self.numbers();
        // SAFETY: an OwnedFd has the representation of a descriptor, and these are owned.
        unsafe { slice::from_raw_parts(fds.as_ptr().cast(), fds.len()) }
    }
}

impl<const N: usize> DerefMut for Fds<N> {
    fn deref_mut(&mut self) -> &mut [OwnedFd] {
        let filled = &mut self.slots[..self.len];
        // SAFETY: as above; whatever is written there is an owned descriptor again.
        unsafe { slice::from_raw_parts_mut(filled.as_mut_ptr().cast(), filled.len()) }
    }
}

impl<const N: usize> fmt::Debug for Fds<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(AsRawFd::as_raw_fd)).finish()
    }
}

impl<const N: usize> From<OwnedFd> for Fds<N> {
    fn from(fd: OwnedFd) -> Self {
        [fd].into()
    }
}

/// No more than `N`, or it does not compile.
impl<const N: usize, const M: usize> From<[OwnedFd; M]> for Fds<N> {
    fn from(fds: [OwnedFd; M]) -> Self {
        const { assert!(M <= N, "more descriptors than there is room for") };
        let mut this = Self::new();
        for fd in fds {
            this.slots[this.len].write(fd.into_raw_fd());
            this.len += 1;
        }
        this
    }
}

/// # Errors
/// [`Error::TooManyFds`]: more than `N`, and the vector's are closed.
impl<const N: usize> TryFrom<Vec<OwnedFd>> for Fds<N> {
    type Error = Error;

    fn try_from(fds: Vec<OwnedFd>) -> Result<Self, Error> {
        let mut this = Self::new();
        for fd in fds {
            this.push(fd).map_err(|_| Error::TooManyFds)?;
        }
        Ok(this)
    }
}

impl<const N: usize> From<Fds<N>> for Vec<OwnedFd> {
    fn from(fds: Fds<N>) -> Self {
        fds.into_iter().collect()
    }
}

impl<const N: usize> IntoIterator for Fds<N> {
    type Item = OwnedFd;
    type IntoIter = IntoIter<N>;

    fn into_iter(self) -> IntoIter<N> {
        let this = ManuallyDrop::new(self);
        IntoIter { slots: this.slots, at: 0, len: this.len }
    }
}

/// The descriptors of an [`Fds`], one by one. Those that nobody took are closed when it is dropped.
pub struct IntoIter<const N: usize> {
    slots: [MaybeUninit<c_int>; N],
    at: usize,
    len: usize,
}

impl<const N: usize> Iterator for IntoIter<N> {
    type Item = OwnedFd;

    fn next(&mut self) -> Option<OwnedFd> {
        let slot = self.slots[..self.len].get(self.at)?;
        self.at += 1;
        // SAFETY: the slot held a descriptor, and is not looked at any more.
        Some(unsafe { OwnedFd::from_raw_fd(slot.assume_init()) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.len - self.at;
        (left, Some(left))
    }
}

impl<const N: usize> ExactSizeIterator for IntoIter<N> {}
impl<const N: usize> FusedIterator for IntoIter<N> {}

impl<const N: usize> Drop for IntoIter<N> {
    fn drop(&mut self) {
        let left = &self.slots[self.at..self.len];
        // SAFETY: these slots hold descriptors that nobody has taken.
        close_copies(unsafe { slice::from_raw_parts(left.as_ptr().cast(), left.len()) });
    }
}

impl<const N: usize> fmt::Debug for IntoIter<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoIter").field("left", &self.len()).finish_non_exhaustive()
    }
}
