//! Who owns which descriptor: the only module that hands one over or closes one; and what it is.

mod arrived;
mod carriers;
mod close;
mod dealer;
mod describe;
mod handed;
mod queue;
mod truncation;
mod unclaimed;

pub(crate) use arrived::Arrived;
pub(crate) use close::{close_copies, close_list, close_moved};
pub(crate) use dealer::Dealer;
pub(crate) use describe::{describe, require};
pub(crate) use handed::Handed;
pub(crate) use queue::Queue;
pub(crate) use truncation::truncation_cause;
pub(crate) use unclaimed::Unclaimed;
#[cfg(feature = "std")]
pub(crate) use unclaimed::take_next;
