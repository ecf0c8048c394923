//! The kernels of zeropoint.
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;
pub mod isa;
pub mod view;
