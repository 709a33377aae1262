//! Sets of bits with names, which are what the C interface calls flags.

/// Makes a set type of an integer, with a constant for each bit that there is on the system.
macro_rules! set {
    ($(#[$about:meta])* $name:ident($bits:ty) {
        $($(#[doc = $about_one:literal])* $(#[cfg($where:meta)])? $one:ident = $value:expr;)*
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name($bits);

        #[allow(non_upper_case_globals)]
        impl $name {
            $($(#[doc = $about_one])* $(#[cfg($where)])? pub const $one: Self = Self($value as $bits);)*

            const NAMES: &'static [(&'static str, $bits)] = &[
                $($(#[cfg($where)])? (stringify!($one), $value as $bits),)*
            ];

            /// None of them.
            pub const fn empty() -> Self {
                Self(0)
            }

            /// All that this version knows.
            pub const fn all() -> Self {
                let (mut all, mut names) = (0, Self::NAMES);
                while let [(_, bits), rest @ ..] = names {
                    all |= *bits;
                    names = rest;
                }
                Self(all)
            }

            /// The bits, as C has them.
            pub const fn bits(self) -> $bits {
                self.0
            }

            /// The set of these bits, those without a name included.
            pub const fn from_bits_retain(bits: $bits) -> Self {
                Self(bits)
            }

            /// Whether there are none.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Whether all of `other` are among them.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any of `other` is among them.
            pub const fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Both together, where `|` can't be used: in constants.
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// One by one, the lowest first.
            pub fn iter(self) -> impl Iterator<Item = Self> {
                (0..<$bits>::BITS).map(|bit| (1 as $bits) << bit).filter(move |bit| self.0 & bit != 0).map(Self)
            }
        }

        impl core::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl core::ops::BitOrAssign for $name {
            fn bitor_assign(&mut self, other: Self) {
                self.0 |= other.0;
            }
        }

        impl core::ops::BitAnd for $name {
            type Output = Self;

            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        impl core::ops::Sub for $name {
            type Output = Self;

            /// Those that are not in `other`.
            fn sub(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
        }

        impl core::iter::FromIterator<$name> for $name {
            fn from_iter<I: IntoIterator<Item = $name>>(sets: I) -> Self {
                sets.into_iter().fold(Self::empty(), |all, one| all | one)
            }
        }

        impl core::fmt::Debug for $name {
            /// The names, as `RIGHTS | TTL`; bits without a name as a number.
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let mut rest = *self;
                let mut is_first = true;
                for (name, bits) in Self::NAMES {
                    if *bits != 0 && rest.contains(Self(*bits)) {
                        f.write_str(if is_first { "" } else { " | " })?;
                        f.write_str(name)?;
                        rest = rest - Self(*bits);
                        is_first = false;
                    }
                }
                match (rest.is_empty(), is_first) {
                    (true, true) => f.write_str("(none)"),
                    (true, false) => Ok(()),
                    (false, true) => write!(f, "{:#x}", rest.0),
                    (false, false) => write!(f, " | {:#x}", rest.0),
                }
            }
        }
    };
}

pub(crate) use set;
