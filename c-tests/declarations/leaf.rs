//! Everything that is compared: the root that ctest2 reads.

#[path = "../../src/abi.rs"]
pub mod abi;
#[path = "functions.rs"]
pub mod functions;
