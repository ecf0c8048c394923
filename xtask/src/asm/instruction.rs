//! What is asked of an instruction, whatever its architecture.

/// An instruction, read.
#[derive(Clone, Debug)]
pub(crate) struct Instruction {
    pub(crate) address: u64,
    /// The whole of it, as LLVM's assembler reads it. The last word of a jump is where it goes.
    pub(crate) text: String,
    /// Its name; `{vex}` belongs to it where the instruction could be coded by EVEX as well.
    pub(crate) mnemonic: String,
    /// Bits of the widest of its vector registers; 0 if it has none.
    pub(crate) width: u32,
    /// Where it jumps to, if it is a jump to a known place.
    pub(crate) target: Option<u64>,
    pub(crate) is_call: bool,
    /// Whether it reads or writes the stack.
    pub(crate) on_stack: bool,
}

/// The name of what no disassembler knew.
pub(crate) const UNKNOWN: &str = "?";

/// The beginnings of the names of instructions that multiply integers in vectors, besides those that could be scalar.
const PRODUCTS: &[&str] = &[
    "pmadd",
    "pmul",
    "vpmadd",
    "vpmul",
    "vpdp",
    "{vex} vpdp",
    "tdp",
    "smull",
    "umull",
    "smlal",
    "umlal",
    "sqdmull",
    "sdot",
    "udot",
    "usdot",
    "sudot",
    "smmla",
    "ummla",
    "usmmla",
    "mla",
    "mul",
];

impl Instruction {
    /// Whether it multiplies integers in vectors.
    pub(crate) fn is_product(&self) -> bool {
        self.width > 0 && PRODUCTS.iter().any(|begin| self.mnemonic.starts_with(begin))
    }

    /// Whether it is one of these instructions, on registers of so many bits.
    pub(crate) fn is(&self, mnemonics: &[&str], width: u32) -> bool {
        self.width == width && mnemonics.contains(&self.mnemonic.as_str())
    }
}

/// How many instructions are something.
pub(crate) fn count(body: &[Instruction], what: impl Fn(&Instruction) -> bool) -> usize {
    body.iter().filter(|instruction| what(instruction)).count()
}
