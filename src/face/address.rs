//! Socket addresses.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::sys::{AF_INET, AF_INET6};

/// The address in a sockaddr of AF_INET or AF_INET6, of any alignment.
///
/// # Safety
/// `address` points to a sockaddr of the size that its family has.
pub(super) unsafe fn socket_addr(address: *const u8) -> Option<SocketAddr> {
    // SAFETY: every sockaddr starts with its family.
    match unsafe { address.cast::<libc::sa_family_t>().read_unaligned() }.into() {
        AF_INET => {
            // SAFETY: the caller's.
            let v4 = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            let ip = IpAddr::V4(Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes()));
            Some(SocketAddr::new(ip, u16::from_be(v4.sin_port)))
        }
        AF_INET6 => {
            // SAFETY: the caller's.
            let v6 = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

#[cfg(feature = "std")]
pub use owned::Address;

#[cfg(feature = "std")]
mod owned {
    use std::ffi::OsStr;
    use std::fmt;
    use std::io;
    use std::mem::{MaybeUninit, offset_of, size_of};
    use std::net::SocketAddr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::socket_addr;
    use crate::face::Error;
    use crate::sys::{AF_INET, AF_INET6, AF_UNIX};

    /// The address of a socket of any family.
    ///
    /// ```
    /// use std::net::SocketAddr;
    /// use std::path::Path;
    /// use ancillary::Address;
    ///
    /// let here: SocketAddr = "[::1]:53".parse().unwrap();
    /// assert_eq!(Address::from(here).as_ip(), Some(here));
    /// let path = Address::unix("/run/service.sock")?;
    /// assert_eq!(path.as_path(), Some(Path::new("/run/service.sock")));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[derive(Clone, Copy)]
    pub struct Address {
        storage: libc::sockaddr_storage,
        len: usize,
    }

    /// Bytes before a path.
    const PATH_AT: usize = offset_of!(libc::sockaddr_un, sun_path);

    impl Address {
        /// Where nobody is named.
        ///
        /// ```
        /// assert!(ancillary::Address::unnamed().is_unnamed());
        /// ```
        pub fn unnamed() -> Self {
            // SAFETY: numbers.
            Self { storage: unsafe { MaybeUninit::zeroed().assume_init() }, len: 0 }
        }

        /// A path of AF_UNIX.
        ///
        /// # Errors
        /// [`Error::BadAddress`]: it is empty, contains a NUL, or is longer than 107 bytes.
        ///
        /// ```
        /// use ancillary::Address;
        ///
        /// assert!(Address::unix("/run/service.sock").is_ok());
        /// assert!(Address::unix("/".repeat(108)).is_err());
        /// ```
        pub fn unix(path: impl AsRef<Path>) -> io::Result<Self> {
            let path = path.as_ref().as_os_str().as_bytes();
            if path.is_empty() || path.contains(&0) {
                return Err(Error::BadAddress.into());
            }
            Self::of_unix(path, 1)
        }

        /// A name in AF_UNIX's abstract namespace.
        ///
        /// # Errors
        /// [`Error::BadAddress`]: it is longer than 107 bytes.
        ///
        /// ```
        /// use ancillary::Address;
        ///
        /// let name = Address::unix_abstract("service")?;
        /// assert_eq!(name.as_abstract(), Some(&b"service"[..]));
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn unix_abstract(name: impl AsRef<[u8]>) -> io::Result<Self> {
            let mut path = [0; size_of::<libc::sockaddr_un>() - PATH_AT];
            let name = name.as_ref();
            let room = path.get_mut(1..).and_then(|path| path.get_mut(..name.len())).ok_or(Error::BadAddress)?;
            room.copy_from_slice(name);
            Self::of_unix(&path[..1 + name.len()], 0)
        }

        /// So many bytes of sun_path, and `nul` more, which are 0.
        fn of_unix(path: &[u8], nul: usize) -> io::Result<Self> {
            let mut this = Self::unnamed();
            let len = PATH_AT + path.len() + nul;
            if len > size_of::<libc::sockaddr_un>() {
                return Err(Error::BadAddress.into());
            }
            // SAFETY: a sockaddr_storage has room for every sockaddr_un, as which it is looked at.
            let unix = unsafe { &mut *(&raw mut this.storage).cast::<libc::sockaddr_un>() };
            unix.sun_family = AF_UNIX as _;
            for (to, from) in unix.sun_path.iter_mut().zip(path) {
                *to = *from as _;
            }
            this.len = len;
            Ok(this)
        }

        /// An address of IPv4 or IPv6.
        ///
        /// ```
        /// # use std::net::SocketAddr;
        /// # use ancillary::Address;
        /// let here: SocketAddr = "127.0.0.1:53".parse().unwrap();
        /// assert_eq!(Address::from(here).as_ip(), Some(here));
        /// ```
        pub fn as_ip(&self) -> Option<SocketAddr> {
            let needed = match c_int_family(self) {
                AF_INET => size_of::<libc::sockaddr_in>(),
                AF_INET6 => size_of::<libc::sockaddr_in6>(),
                _ => return None,
            };
            // SAFETY: a sockaddr_storage has room for them.
            if self.len < needed { None } else { unsafe { socket_addr((&raw const self.storage).cast()) } }
        }

        /// A path of AF_UNIX.
        ///
        /// ```
        /// # use std::path::Path;
        /// # use ancillary::Address;
        /// assert_eq!(Address::unix("/run/s")?.as_path(), Some(Path::new("/run/s")));
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn as_path(&self) -> Option<&Path> {
            let path = self.unix_bytes()?;
            let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
            let path = path.get(..end).filter(|path| !path.is_empty())?;
            Some(Path::new(OsStr::from_bytes(path)))
        }

        /// A name in AF_UNIX's abstract namespace.
        ///
        /// ```
        /// # use ancillary::Address;
        /// assert_eq!(Address::unix_abstract("x")?.as_abstract(), Some(&b"x"[..]));
        /// assert_eq!(Address::unix("/x")?.as_abstract(), None);
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn as_abstract(&self) -> Option<&[u8]> {
            match self.unix_bytes()?.split_first() {
                Some((0, name)) => Some(name),
                _ => None,
            }
        }

        /// Whether it names nobody: the other end of a socket pair, or of a connected stream.
        ///
        /// ```
        /// assert!(!ancillary::Address::unix("/run/s")?.is_unnamed());
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn is_unnamed(&self) -> bool {
            self.len <= size_of::<libc::sa_family_t>()
        }

        fn unix_bytes(&self) -> Option<&[u8]> {
            if c_int_family(self) != AF_UNIX {
                return None;
            }
            let len = self.len.min(size_of::<libc::sockaddr_un>()).checked_sub(PATH_AT)?;
            // SAFETY: within the storage, of which every byte is initialised.
            Some(unsafe { std::slice::from_raw_parts((&raw const self.storage).cast::<u8>().add(PATH_AT), len) })
        }

        pub(crate) fn as_ptr(&self) -> *const libc::sockaddr_storage {
            &raw const self.storage
        }

        pub(crate) fn len(&self) -> usize {
            self.len
        }

        /// Where the kernel writes one.
        pub(crate) fn as_mut_ptr(&mut self) -> *mut libc::sockaddr_storage {
            &raw mut self.storage
        }

        pub(crate) fn set_len(&mut self, len: usize) {
            self.len = len.min(size_of::<libc::sockaddr_storage>());
        }
    }

    fn c_int_family(address: &Address) -> std::ffi::c_int {
        if address.len < size_of::<libc::sa_family_t>() { -1 } else { address.storage.ss_family.into() }
    }

    impl From<SocketAddr> for Address {
        fn from(address: SocketAddr) -> Self {
            let mut this = Self::unnamed();
            match address {
                SocketAddr::V4(v4) => {
                    // SAFETY: a sockaddr_storage has room for it, and is aligned for every sockaddr.
                    let to = unsafe { &mut *(&raw mut this.storage).cast::<libc::sockaddr_in>() };
                    to.sin_family = AF_INET as _;
                    to.sin_port = v4.port().to_be();
                    to.sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
                    this.len = size_of::<libc::sockaddr_in>();
                }
                SocketAddr::V6(v6) => {
                    // SAFETY: as above.
                    let to = unsafe { &mut *(&raw mut this.storage).cast::<libc::sockaddr_in6>() };
                    to.sin6_family = AF_INET6 as _;
                    to.sin6_port = v6.port().to_be();
                    to.sin6_flowinfo = v6.flowinfo();
                    to.sin6_addr.s6_addr = v6.ip().octets();
                    to.sin6_scope_id = v6.scope_id();
                    this.len = size_of::<libc::sockaddr_in6>();
                }
            }
            this
        }
    }

    impl fmt::Debug for Address {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            if let Some(ip) = self.as_ip() {
                write!(f, "{ip}")
            } else if let Some(path) = self.as_path() {
                write!(f, "{path:?}")
            } else if let Some(name) = self.as_abstract() {
                write!(f, "@{:?}", OsStr::from_bytes(name))
            } else if self.is_unnamed() {
                f.write_str("(unnamed)")
            } else {
                write!(f, "(family {})", self.storage.ss_family)
            }
        }
    }
}
