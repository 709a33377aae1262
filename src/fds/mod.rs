//! Who owns which descriptor: the only module that hands one over or closes one.

mod arrived;
mod close;
mod handed;

pub(crate) use arrived::Arrived;
pub(crate) use close::{close_list, close_moved};
pub(crate) use handed::Handed;
