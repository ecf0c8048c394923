//! zeropoint
