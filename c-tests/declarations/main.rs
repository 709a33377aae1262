//! Runs the comparison that build.rs wrote, linked with the installed library.

#![allow(warnings)]

mod leaf;

use leaf::abi::*;
use leaf::functions::*;
use libc::*;

include!(concat!(env!("OUT_DIR"), "/comparison.rs"));
