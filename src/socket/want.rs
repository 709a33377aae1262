//! Asking for facts: the socket options that bring them, switched on and off, all or none.
//!
//! An option is read before it is set, so that only what differs is set, and undone.

use core::ffi::c_int;

use crate::abi::{ANC_TIME_ID, ANC_TIME_PKTINFO, ANC_TIMESTAMPING};
use crate::cmsg::{CLOCK, How, KNOWN_FACTS, Sockets, Want, sockets, stamps, wants};
use crate::errno::{Errno, Result};
use crate::sys::{self, SOL_SOCKET, keeping_errno};

/// Why nothing was changed.
#[derive(Clone, Copy)]
pub(crate) struct Refusal {
    /// The facts that are not to be had; none where the call itself was wrong.
    pub(crate) facts: u64,
    /// ENOPROTOOPT, or the kernel's error.
    pub(crate) errno: Errno,
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self { facts: 0, errno }
    }
}

/// Switches on what brings the facts `on`, and off what brings the facts `off`.
pub(crate) fn want(sock: c_int, on: u64, off: u64) -> core::result::Result<(), Refusal> {
    const BY_FLAGS: u64 = ANC_TIMESTAMPING | ANC_TIME_ID | ANC_TIME_PKTINFO;
    if on & off != 0 || (on | off) & (BY_FLAGS | !KNOWN_FACTS) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let kept = sys::errno();
    let mut switches = Switches { sock, sockets: sockets_of(sock)?, on, changed: 0, clock: None };
    // What may not be readable, and then can't be undone, comes last.
    for is_blind in [false, true] {
        let mut refusal = Refusal::from(Errno::ENOPROTOOPT);
        for fact in bits(on | off) {
            if let Err(errno) = switches.switch(fact, is_blind) {
                refusal.facts |= fact;
                // An error that is more than a refusal is the one to tell.
                if refusal.errno == Errno::ENOPROTOOPT && !is_refusal(errno) {
                    refusal.errno = errno;
                }
            }
        }
        if refusal.facts != 0 {
            refusal.facts |= switches.lacking();
            switches.undo();
            return Err(refusal);
        }
    }
    sys::set_errno(kept);
    Ok(())
}

/// The facts that the socket is asked for: those of which an option is on.
pub(crate) fn wanted(sock: c_int) -> Result<u64> {
    keeping_errno(|| {
        let of = sockets_of(sock)?;
        let mut facts = 0;
        for want in wants().filter(|want| want.sockets & of != 0) {
            let value = sys::option(sock, want.level, want.option);
            facts |= match want.how {
                How::Always => want.fact,
                How::FromTheStart if value != Ok(0) => want.fact,
                How::Clocked if is_on(value) && clock_is_monotonic(sock) => 0,
                How::Stamped => stamps::facts(value.unwrap_or(0)),
                _ if is_on(value) => want.fact,
                _ => 0,
            };
        }
        Ok(facts)
    })
}

/// Sets the flags of SO_TIMESTAMPING; 0 switches it off.
///
/// ENOPROTOOPT: sockets that accept them and bring no stamps.
pub(crate) fn want_timestamping(sock: c_int, flags: u32) -> Result<()> {
    keeping_errno(|| {
        let of = sockets_of(sock)?;
        if flags != 0 && !wants().any(|want| want.fact == ANC_TIMESTAMPING && want.sockets & of != 0) {
            return Err(Errno::ENOPROTOOPT);
        }
        first_known(stamps::timestamping(is_new_form(sock)), |option| {
            sys::set_option(sock, SOL_SOCKET, option, flags as c_int)
        })
    })
}

/// Refuses descriptors: who sends some gets EPERM.
pub(crate) fn refuse_fds(sock: c_int) -> Result<()> {
    let name = sys::SO_PASSRIGHTS.ok_or(Errno::ENOPROTOOPT)?;
    keeping_errno(|| sys::set_option(sock, SOL_SOCKET, name, 0))
}

/// What kind of socket it is.
fn sockets_of(sock: c_int) -> Result<Sockets> {
    Ok(sockets(sys::socket_domain(sock)?, sys::socket_type(sock)?, sys::socket_protocol(sock)?))
}

/// Whether the stamps of this socket have the new form: all of them have, or none. So an option of
/// the other form would change what other code of the program receives.
fn is_new_form(sock: c_int) -> bool {
    let is_any_on = |options: &[c_int]| options.iter().any(|name| is_on(sys::option(sock, SOL_SOCKET, *name)));
    is_any_on(stamps::NEW) || (!stamps::OLD_IS_WIDE && !is_any_on(stamps::OLD))
}

/// Tries one form after the other: the new one came with Linux 5.1.
fn first_known(forms: &[c_int], mut set: impl FnMut(c_int) -> Result<()>) -> Result<()> {
    let mut result = Err(Errno::ENOPROTOOPT);
    for option in forms {
        result = set(*option);
        if !result.is_err_and(is_refusal) {
            break;
        }
    }
    result
}

/// What a kernel says to an option that it has not, at all or for this socket.
fn is_refusal(errno: Errno) -> bool {
    errno == Errno::ENOPROTOOPT || errno == Errno::EOPNOTSUPP
}

fn is_on(value: Result<c_int>) -> bool {
    value.is_ok_and(|value| value != 0)
}

/// Whether arrivals are told by a clock that is not the time of day.
fn clock_is_monotonic(sock: c_int) -> bool {
    CLOCK.is_some_and(|clock| sys::option(sock, SOL_SOCKET, clock.option) == Ok(clock.monotonic))
}

/// The bits of a set, one by one.
fn bits(set: u64) -> impl Iterator<Item = u64> {
    (0..u64::BITS).map(|bit| 1 << bit).filter(move |bit| set & bit != 0)
}

/// The options of one socket.
struct Switches {
    sock: c_int,
    sockets: Sockets,
    /// The facts whose options are to be on; those of others are to be off.
    on: u64,
    /// The options that were off and are on, or the reverse: one bit each, by its place in the table.
    changed: u64,
    /// The clock that arrivals were told by, where that was changed.
    clock: Option<c_int>,
}

impl Switches {
    /// The options for a fact, each with its bit.
    fn options(&self, fact: u64) -> impl Iterator<Item = (u64, &'static Want)> + use<> {
        let of = self.sockets;
        bits(u64::MAX).zip(wants()).filter(move |(_, want)| want.fact == fact && want.sockets & of != 0)
    }

    /// Switches one fact on or off, if this is the turn of its options.
    fn switch(&mut self, fact: u64, is_blind: bool) -> Result<()> {
        let on = self.on & fact != 0;
        let how = self.options(fact).next().map(|(_, want)| want.how);
        if is_blind != matches!(how, Some(How::Blind { .. })) {
            return Ok(());
        }
        match how {
            Some(How::Form) => return self.switch_form(fact, on),
            None | Some(How::Stamped) if on => return Err(Errno::ENOPROTOOPT),
            None | Some(How::Stamped) => return Ok(()),
            Some(How::Always) => return if on { Ok(()) } else { Err(Errno::ENOPROTOOPT) },
            Some(How::Clocked) if on => self.set_clock(fact)?,
            Some(How::Switched | How::Blind { .. } | How::FromTheStart | How::ByItself | How::Clocked) => {}
        }
        for (bit, want) in self.options(fact) {
            match (self.read(want), want.how) {
                (Ok(value), _) if (value != 0) == on => {}
                (Err(_), How::FromTheStart) if on => {}
                (Err(_), How::ByItself) if !on => {}
                (_, How::ByItself) => return Err(Errno::ENOPROTOOPT),
                (Ok(_), _) => self.set(bit, want)?,
                // A kernel that has not got it brings nothing to switch off.
                (Err(_), How::Blind { .. }) => match self.set(bit, want) {
                    Err(errno) if !on && is_refusal(errno) => {}
                    set => set?,
                },
                (Err(errno), How::Switched | How::Clocked) if !on && is_refusal(errno) => {}
                (Err(errno), _) => return Err(errno),
            }
        }
        Ok(())
    }

    /// The nanoseconds' clock, unless the socket was asked for another one of the time of day.
    fn set_clock(&mut self, fact: u64) -> Result<()> {
        let Some(clock) = CLOCK else { return Ok(()) };
        let now = sys::option(self.sock, SOL_SOCKET, clock.option)?;
        let was_asked = self.options(fact).any(|(_, want)| is_on(self.read(want))) && now != clock.monotonic;
        if !was_asked && now != clock.realtime {
            sys::set_option(self.sock, SOL_SOCKET, clock.option, clock.realtime)?;
            self.clock = Some(now);
        }
        Ok(())
    }

    /// Of several forms at most one is on, and any will do.
    fn switch_form(&mut self, fact: u64, on: bool) -> Result<()> {
        if !on {
            for (bit, want) in self.options(fact) {
                if is_on(self.read(want)) {
                    self.set(bit, want)?;
                }
            }
            return Ok(());
        }
        if self.options(fact).any(|(_, want)| is_on(self.read(want))) {
            return Ok(());
        }
        first_known(stamps::arrival(is_new_form(self.sock)), |option| {
            match self.options(fact).find(|(_, want)| want.option == option) {
                Some((bit, want)) => self.set(bit, want),
                None => Err(Errno::ENOPROTOOPT),
            }
        })
    }

    /// The facts to be switched on by options that can't be read and that the kernel has not got, as far as
    /// that shows without setting them.
    fn lacking(&self) -> u64 {
        let asked = wants().filter(|want| want.fact & self.on != 0 && want.sockets & self.sockets != 0);
        let lacks = |want: &&Want| match want.how {
            How::Blind { refuses: Some(value) } => {
                let set = || sys::set_option(self.sock, want.level, want.option, value);
                self.read(want).is_err() && set().is_err_and(is_refusal)
            }
            _ => false,
        };
        asked.filter(lacks).fold(0, |facts, want| facts | want.fact)
    }

    fn read(&self, want: &Want) -> Result<c_int> {
        sys::option(self.sock, want.level, want.option)
    }

    /// Sets an option to what is asked.
    fn set(&mut self, bit: u64, want: &Want) -> Result<()> {
        sys::set_option(self.sock, want.level, want.option, c_int::from(self.on & want.fact != 0))?;
        self.changed |= bit;
        Ok(())
    }

    /// Sets what was changed to what it was.
    fn undo(&self) {
        if let (Some(clock), Some(was)) = (CLOCK, self.clock) {
            let _ = sys::set_option(self.sock, SOL_SOCKET, clock.option, was);
        }
        for (_, want) in bits(u64::MAX).zip(wants()).filter(|(bit, _)| self.changed & bit != 0) {
            // It was so before: the kernel has no reason to refuse.
            let _ = sys::set_option(self.sock, want.level, want.option, c_int::from(self.on & want.fact == 0));
        }
    }
}
