//! What a descriptor is.
//!
//! It comes from a peer, so that it may be anything, and lead anywhere: asked are only questions that
//! the kernel answers by itself and at once, that change nothing, and that need no further descriptor.
//! A duplicate would do harm of its own: closing it gives up the process's POSIX locks on the file.

use core::ffi::c_int;
use core::mem::MaybeUninit;

use crate::abi::{
    ANC_FD_BLOCK, ANC_FD_CHARACTER, ANC_FD_DIRECTORY, ANC_FD_EPOLL, ANC_FD_EVENT, ANC_FD_FILE, ANC_FD_INOTIFY,
    ANC_FD_MEMORY, ANC_FD_OTHER, ANC_FD_PATH, ANC_FD_PIPE, ANC_FD_PROCESS, ANC_FD_READ, ANC_FD_SIGNAL, ANC_FD_SOCKET,
    ANC_FD_TIMER, ANC_FD_WRITE, anc_fd_info,
};
use crate::errno::{Errno, Result};
use crate::sys::{self, Inode};

/// All kinds.
const KINDS: u32 = ANC_FD_OTHER
    | ANC_FD_FILE
    | ANC_FD_DIRECTORY
    | ANC_FD_CHARACTER
    | ANC_FD_BLOCK
    | ANC_FD_PIPE
    | ANC_FD_SOCKET
    | ANC_FD_MEMORY
    | ANC_FD_EVENT
    | ANC_FD_EPOLL
    | ANC_FD_TIMER
    | ANC_FD_SIGNAL
    | ANC_FD_INOTIFY
    | ANC_FD_PROCESS
    | ANC_FD_PATH;

/// What the kernel calls its descriptors that have no file.
const ANONYMOUS: [(&[u8], u32); 6] = [
    (b"anon_inode:[eventfd]", ANC_FD_EVENT),
    (b"anon_inode:[eventpoll]", ANC_FD_EPOLL),
    (b"anon_inode:[timerfd]", ANC_FD_TIMER),
    (b"anon_inode:[signalfd]", ANC_FD_SIGNAL),
    (b"anon_inode:inotify", ANC_FD_INOTIFY),
    (b"anon_inode:[pidfd]", ANC_FD_PROCESS),
];

/// Longer than each of these names, so that one that has been cut is none of them.
const NAME_MAX: usize = 32;

/// All that can be told of `fd`.
pub(crate) fn describe(fd: c_int) -> Result<anc_fd_info> {
    sys::keeping_errno(|| {
        let flags = sys::description_flags(fd)?;
        let Object { kind, seals, size } = Object::of(fd, flags)?;
        let of_socket = |ask: fn(c_int) -> Result<c_int>| if kind == ANC_FD_SOCKET { ask(fd) } else { Ok(0) };
        Ok(anc_fd_info {
            kind,
            access: access(flags),
            status: (flags & sys::STATUS_FLAGS) as u32,
            seals,
            domain: of_socket(sys::socket_domain)?,
            socket_type: of_socket(sys::socket_type)?,
            protocol: of_socket(sys::socket_protocol)?,
            listening: of_socket(sys::socket_listens)?,
            size,
        })
    })
}

/// Whether `fd` is of one of these kinds (0: any), and has all of this access and these seals. EPERM:
/// it is not or has not. EINVAL: an unknown kind or access.
pub(crate) fn require(fd: c_int, kinds: u32, wanted: u32, seals: u32) -> Result<()> {
    if kinds & !KINDS != 0 || wanted & !(ANC_FD_READ | ANC_FD_WRITE) != 0 {
        return Err(Errno::EINVAL);
    }
    sys::keeping_errno(|| {
        let flags = sys::description_flags(fd)?;
        if wanted & !access(flags) != 0 {
            return Err(Errno::EPERM);
        }
        if kinds == 0 && seals == 0 {
            return Ok(());
        }
        let object = Object::of(fd, flags)?;
        let is_of_kind = kinds == 0 || kinds & object.kind != 0;
        if is_of_kind && seals & !object.seals == 0 { Ok(()) } else { Err(Errno::EPERM) }
    })
}

/// The access mode. O_PATH descriptors have none, nor has the mode 3, which is for ioctl alone.
fn access(flags: c_int) -> u32 {
    match flags & sys::O_ACCMODE {
        _ if flags & sys::O_PATH != 0 => 0,
        sys::O_RDONLY => ANC_FD_READ,
        sys::O_WRONLY => ANC_FD_WRITE,
        sys::O_RDWR => ANC_FD_READ | ANC_FD_WRITE,
        _ => 0,
    }
}

/// What the descriptor is of. Once it is one kind, it stays that.
struct Object {
    kind: u32,
    seals: u32,
    size: u64,
}

impl Object {
    fn of(fd: c_int, flags: c_int) -> Result<Self> {
        if flags & sys::O_PATH != 0 {
            return Ok(Self { kind: ANC_FD_PATH, seals: 0, size: 0 });
        }
        let inode = sys::inode(fd)?;
        let seals = if inode.kind == sys::S_IFREG { sys::seals(fd).ok() } else { None };
        let kind = match inode.kind {
            sys::S_IFDIR => ANC_FD_DIRECTORY,
            sys::S_IFCHR => ANC_FD_CHARACTER,
            sys::S_IFBLK => ANC_FD_BLOCK,
            sys::S_IFIFO => ANC_FD_PIPE,
            sys::S_IFSOCK => ANC_FD_SOCKET,
            _ => kind_by_name(fd, &inode, seals),
        };
        Ok(Self {
            kind,
            seals: if kind == ANC_FD_MEMORY { seals.unwrap_or(0) as u32 } else { 0 },
            size: if kind == ANC_FD_MEMORY || kind == ANC_FD_FILE { inode.size } else { 0 },
        })
    }
}

/// The kind of a regular file, or of what has no type.
///
/// The kernel names what it made itself; a peer names files, whose paths start with a slash. A memfd's
/// name does, too, and a peer can have a file of tmpfs that bears one: unlinked, at the root of a mount
/// of its own. So seals come first. All files of tmpfs are born with F_SEAL_SEAL alone and can get no
/// other; a memfd with any other seals, or none, is proved by them. The name is asked of those that
/// can't be sealed, between which the peer gains nothing by a lie.
fn kind_by_name(fd: c_int, inode: &Inode, seals: Option<c_int>) -> u32 {
    let is_file = inode.kind == sys::S_IFREG;
    if seals.is_some_and(|seals| seals != sys::F_SEAL_SEAL) {
        return ANC_FD_MEMORY;
    }
    let mut name = [MaybeUninit::uninit(); NAME_MAX];
    match sys::name(fd as u32, &mut name) {
        Ok(name) if !name.starts_with(b"/") => {
            ANONYMOUS.iter().find(|known| known.0 == name).map_or(ANC_FD_OTHER, |known| known.1)
        }
        Ok(name) if seals.is_some() && inode.links == 0 && name.starts_with(b"/memfd:") => ANC_FD_MEMORY,
        // A DMA-BUF's name starts with a slash.
        _ if is_file => ANC_FD_FILE,
        _ => ANC_FD_OTHER,
    }
}
