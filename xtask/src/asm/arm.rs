//! 64-bit Arm, by yaxpeax-arm; and what FEAT_I8MM brought, which that does not know.

use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{self, InstDecoder, Opcode, Operand, SIMDSizeCode};

use super::instruction::{Instruction, UNKNOWN};

/// Numbers of the stack pointer and of the frame pointer.
const SP: u16 = 31;
const FP: u16 = 29;

/// The instructions of a function.
pub(crate) fn disassemble(address: u64, code: &[u8]) -> Vec<Instruction> {
    let decoder = InstDecoder::default();
    let words = code.as_chunks().0.iter().map(|&bytes| (u32::from_le_bytes(bytes), bytes));
    let decoded: Vec<_> = words.map(|(word, bytes)| (word, decoder.decode(&mut U8Reader::new(&bytes)).ok())).collect();
    // x29 is a register as any other, unless the function makes it point to its frame.
    let frame = decoded.iter().any(|(_, instruction)| {
        instruction.as_ref().is_some_and(|instruction| {
            instruction.opcode == Opcode::ADD
                && matches!(
                    instruction.operands[..2],
                    [Operand::RegisterOrSP(_, FP) | Operand::Register(_, FP), Operand::RegisterOrSP(_, SP)]
                )
        })
    });
    let addresses = (address..).step_by(4);
    addresses
        .zip(decoded)
        .map(|(address, (word, instruction))| match instruction {
            Some(instruction) => read(address, &instruction, frame),
            None => read_more(address, word),
        })
        .collect()
}

fn read(address: u64, instruction: &a64::Instruction, frame: bool) -> Instruction {
    let mut text = instruction.to_string();
    let offset = instruction.operands.iter().find_map(|operand| match operand {
        Operand::PCOffset(offset) => Some(address.wrapping_add_signed(*offset)),
        _ => None,
    });
    if let (Some(target), Some((before, _))) = (offset, text.rsplit_once(' ')) {
        text = format!("{before} {target:#x}");
    }
    let is_call = matches!(instruction.opcode, Opcode::BL | Opcode::BLR);
    let is_jump = matches!(
        instruction.opcode,
        Opcode::B | Opcode::Bcc(_) | Opcode::CBZ | Opcode::CBNZ | Opcode::TBZ | Opcode::TBNZ
    );
    Instruction {
        address,
        mnemonic: text.split(' ').next().unwrap_or_default().into(),
        text,
        width: instruction.operands.iter().map(width).max().unwrap_or(0),
        target: offset.filter(|_| is_jump),
        is_call,
        on_stack: instruction.operands.iter().any(|operand| match *operand {
            Operand::RegRegOffset(base, ..) | Operand::RegPreIndex(base, ..) | Operand::RegPostIndex(base, _) => {
                base == SP || (frame && base == FP)
            }
            _ => false,
        }),
    }
}

/// Bits of a vector register; 0 for another operand.
fn width(operand: &Operand) -> u32 {
    match operand {
        Operand::SIMDRegister(size, _)
        | Operand::SIMDRegisterElements(size, ..)
        | Operand::SIMDRegisterElementsLane(size, ..)
        | Operand::SIMDRegisterElementsMultipleLane(size, ..)
        | Operand::SIMDRegisterGroup(size, ..) => match size {
            SIMDSizeCode::Q => 128,
            SIMDSizeCode::D => 64,
            SIMDSizeCode::S => 32,
            SIMDSizeCode::H => 16,
            SIMDSizeCode::B => 8,
        },
        _ => 0,
    }
}

/// The vector forms of FEAT_I8MM: the bits that tell them, and their names.
const I8MM: &[(u32, &str)] =
    &[(0x4e80_a400, "smmla"), (0x6e80_a400, "ummla"), (0x4e80_ac00, "usmmla"), (0x4e80_9c00, "usdot")];
const I8MM_MASK: u32 = 0xffe0_fc00;

fn read_more(address: u64, word: u32) -> Instruction {
    let found = I8MM.iter().find(|(bits, _)| word & I8MM_MASK == *bits);
    let (mnemonic, text, width) = match found {
        Some((_, mnemonic)) => {
            let [d, n, m] = [0, 5, 16].map(|bit| word >> bit & 31);
            (*mnemonic, format!("{mnemonic} v{d}.4s, v{n}.16b, v{m}.16b"), 128)
        }
        None => (UNKNOWN, format!(".inst {word:#010x}"), 0),
    };
    Instruction { address, text, mnemonic: mnemonic.into(), width, target: None, is_call: false, on_stack: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(word: u32) -> Instruction {
        disassemble(0x1000, &word.to_le_bytes()).remove(0)
    }

    #[test]
    fn the_products_are_known() {
        let cases = [
            (0x4e82_9420, "sdot v0.4s, v1.16b, v2.16b"),
            (0x6e82_9420, "udot v0.4s, v1.16b, v2.16b"),
            (0x4fa2_e020, "sdot v0.4s, v1.16b, v2.4b[1]"),
            (0x4e82_9c20, "usdot v0.4s, v1.16b, v2.16b"),
            (0x4e82_a420, "smmla v0.4s, v1.16b, v2.16b"),
            (0x6e82_a420, "ummla v0.4s, v1.16b, v2.16b"),
            (0x4e82_ac20, "usmmla v0.4s, v1.16b, v2.16b"),
            (0x0e62_8020, "smlal v0.4s, v1.4h, v2.4h"),
            (0x4e62_8020, "smlal2 v0.4s, v1.8h, v2.8h"),
            (0x0e22_c020, "smull v0.8h, v1.8b, v2.8b"),
            (0x6e22_c020, "umull2 v0.8h, v1.16b, v2.16b"),
        ];
        for (word, text) in cases {
            let instruction = one(word);
            assert_eq!((instruction.text.as_str(), instruction.width), (text, 128), "{word:08x}");
            assert!(instruction.is_product(), "{text}");
        }
        // sadalp v0.4s, v1.8h
        assert!(!one(0x4e60_6820).is_product());
        // udf
        assert_eq!(one(0xffff_ffff).mnemonic, UNKNOWN);
    }

    #[test]
    fn jumps_calls_and_the_stack_are_told_apart() {
        let jumps =
            [(0x54ff_ffe1, "b.ne 0xffc"), (0xb5ff_ffe0, "cbnz x0, 0xffc"), (0x371f_ffe3, "tbnz w3, #0x3, 0xffc")];
        for (word, text) in jumps {
            let jump = one(word);
            assert_eq!((jump.target, jump.text.as_str()), (Some(0xffc), text));
        }
        assert!(one(0x97ff_ffff).is_call && one(0xd63f_0060).is_call);
        // ldr q0, [sp, #16]; ldr x0, [x29, #-16] without and with mov x29, sp; ld1 {v0.16b}, [x3]
        assert!(one(0x3dc0_07e0).on_stack);
        assert!(!one(0xf85f_03a0).on_stack);
        let framed = [0x9100_03fd_u32, 0xf85f_03a0].map(u32::to_le_bytes).concat();
        assert!(disassemble(0, &framed)[1].on_stack);
        assert!(!one(0x4c40_7060).on_stack);
    }
}
