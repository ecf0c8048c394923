//! The zero-point algebra, once: how operands of either sign are stored, and what their zero points become.
//!
//! A byte is read as unsigned or signed. Flipping its top bit turns one reading into the other and moves the value, and
//! with it the zero point, by 128; the difference `value - zero point` stays. Kernels are written for one reading and
//! get the flip and the moved zero point as data.
//!
//! # Encodings
//! *Centred*: both operands are `value - zero point` in 16 bits (9 are used) when they are multiplied, so no zero point
//! is left in the product, of whatever granularity. Activations are centred into the scratch of a part; weights are
//! stored in 8 bits as signed values and centred when a panel is widened.
//!
//! *Bytes*: activations are multiplied as they are, where they are. With `b` and `zb` as the kernel reads weights,
//!
//! ```text
//! Σ (a - za) (b - zb) = Σ a·b - za · Σ (b - zb) - zb · Σ a        modulo 2^32
//! ```
//!
//! and the second and the third term are in what the accumulators start from. `Σ (b - zb)` is known when weights are
//! packed and does not change when `b` and `zb` both move by 128; so a zero point of the activations costs nothing. Sums
//! of rows are made only where `zb` is not 0.
//!
//! All sums run over the padded depth. What is stored behind K is the column's zero point: there `a·b - zb·a` is 0
//! whatever the activations hold, and `b - zb` is 0.

/// How a kernel takes the operands of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Less their zero points, in 16 bits.
    Centred,
    /// As they are.
    Bytes,
}

/// How the eight bits of an operand or a result are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// 0 to 255.
    Unsigned,
    /// -128 to 127.
    Signed,
}

impl Reading {
    /// The range of values.
    pub const fn range(self) -> (i32, i32) {
        match self {
            Self::Unsigned => (0, 255),
            Self::Signed => (-128, 127),
        }
    }

    /// What turns a byte of this reading into the unsigned one by exclusive or; the value then grows by the same.
    pub const fn flip_to_unsigned(self) -> u8 {
        match self {
            Self::Unsigned => 0,
            Self::Signed => 0x80,
        }
    }

    /// What turns a byte of this reading into the signed one by exclusive or; the value then shrinks by the same.
    pub const fn flip_to_signed(self) -> u8 {
        self.flip_to_unsigned() ^ 0x80
    }

    /// A value of this reading, or a zero point, as the unsigned reading counts it.
    pub const fn as_unsigned(self, value: i32) -> i32 {
        value + self.flip_to_unsigned() as i32
    }

    /// A value of this reading, or a zero point, as the signed reading counts it.
    pub const fn as_signed(self, value: i32) -> i32 {
        value - self.flip_to_signed() as i32
    }

    /// The value of a byte.
    pub const fn value(self, byte: u8) -> i32 {
        (byte ^ self.flip_to_unsigned()) as i32 - self.flip_to_unsigned() as i32
    }
}

#[cfg(test)]
mod tests {
    use super::Reading::{Signed, Unsigned};

    #[test]
    fn differences_survive_the_flip() {
        for byte in 0..=255u8 {
            assert_eq!(Unsigned.value(byte), i32::from(byte));
            assert_eq!(Signed.value(byte), i32::from(byte as i8));
            for reading in [Unsigned, Signed] {
                let (low, high) = reading.range();
                for zero in [low, -1, 0, 1, high] {
                    let difference = reading.value(byte) - zero;
                    let unsigned = i32::from(byte ^ reading.flip_to_unsigned());
                    assert_eq!(unsigned - reading.as_unsigned(zero), difference);
                    let signed = i32::from((byte ^ reading.flip_to_signed()) as i8);
                    assert_eq!(signed - reading.as_signed(zero), difference);
                }
            }
        }
    }
}
