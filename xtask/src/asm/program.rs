//! The kernels in a program or a library: their names, and their functions as instructions.

use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail};
use object::read::archive::ArchiveFile;
use object::{Architecture, FileKind, Object, ObjectSection, ObjectSymbol};
use regex::bytes::Regex;
use zeropoint_kernels::Isa;
use zeropoint_kernels::isa::Arch;

use super::instruction::Instruction;
use super::{arm, x86};

/// What a file holds of the kernels.
pub(crate) struct Program {
    pub(crate) arch: Arch,
    functions: Vec<Function>,
    tiles: Vec<Tile>,
}

/// A function of a kernel.
pub(crate) struct Function {
    isa: Isa,
    role: Role,
    pub(crate) body: Vec<Instruction>,
}

/// What a function is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The function of an operation, which the table points to.
    Operation(&'static str),
    /// A tile of products, compiled once for each size and each store.
    Tile,
}

/// The tile of a kernel, from its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) name: String,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// How many k lie together.
    pub(crate) group: usize,
}

impl Program {
    /// Reads a program, a library or an archive of objects.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let data = fs::read(path).with_context(|| path.display().to_string())?;
        let mut program = Self { arch: Arch::Any, functions: Vec::new(), tiles: tiles(&data)? };
        match FileKind::parse(data.as_slice()) {
            Ok(FileKind::Archive) => {
                for member in ArchiveFile::parse(data.as_slice())?.members() {
                    let member = member?;
                    let object = member.data(data.as_slice())?;
                    // Beside the objects there is what the compiler tells itself of the crate.
                    if !member.name().ends_with(b".rmeta") {
                        program.add(&object::File::parse(object)?)?;
                    }
                }
            }
            _ => program.add(&object::File::parse(data.as_slice())?)?,
        }
        if program.functions.is_empty() {
            bail!("expected the kernels' functions among the symbols of {}, and there is none", path.display());
        }
        Ok(program)
    }

    fn add(&mut self, file: &object::File<'_>) -> Result<()> {
        type Disassemble = fn(u64, &[u8]) -> Vec<Instruction>;
        let (arch, disassemble): (Arch, Disassemble) = match file.architecture() {
            Architecture::X86_64 => (Arch::X86_64, x86::disassemble),
            Architecture::Aarch64 => (Arch::Aarch64, arm::disassemble),
            other => bail!("expected code for x86-64 or 64-bit Arm, and this is for {other:?}"),
        };
        self.arch = arch;
        for symbol in file.symbols().filter(|symbol| symbol.size() > 0 && symbol.is_definition()) {
            let Ok(mangled) = symbol.name() else { continue };
            let Some((isa, role)) = role(&format!("{:#}", rustc_demangle::demangle(mangled))) else { continue };
            let section = symbol.section_index().with_context(|| format!("{mangled} has no section"))?;
            let section = file.section_by_index(section)?;
            let code = section.data_range(symbol.address(), symbol.size())?;
            let code = code.with_context(|| format!("{mangled} goes beyond its section"))?;
            self.functions.push(Function { isa, role, body: disassemble(symbol.address(), code) });
        }
        Ok(())
    }

    /// The function of an operation.
    pub(crate) fn operation(&self, isa: Isa, operation: &str) -> Option<&Function> {
        let is_it = |role: Role| matches!(role, Role::Operation(of) if of == operation);
        self.functions.iter().find(|function| function.isa == isa && is_it(function.role))
    }

    /// The tiles of a tier.
    pub(crate) fn tile_functions(&self, isa: Isa) -> Vec<&Function> {
        self.functions.iter().filter(|function| function.isa == isa && function.role == Role::Tile).collect()
    }

    /// The tile that a kernel's name tells.
    pub(crate) fn tile(&self, isa: Isa, operation: &str) -> Result<&Tile> {
        let begin = format!("{isa}/{operation}_");
        let mut tiles = self.tiles.iter().filter(|tile| tile.name.starts_with(&begin));
        match (tiles.next(), tiles.next()) {
            (Some(tile), None) => Ok(tile),
            (Some(one), Some(other)) => bail!("there are two names of a kernel, {} and {}", one.name, other.name),
            _ => bail!("expected the name of a kernel that begins with {begin}, and there is none"),
        }
    }
}

/// Names of operations: not every tier has all.
pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
    let kernels = zeropoint_kernels::TIERS.iter().flat_map(|set| set.kernels());
    kernels.map(|kernel| kernel.operation).collect::<std::collections::BTreeSet<_>>().into_iter()
}

/// What a symbol is to the kernels.
fn role(symbol: &str) -> Option<(Isa, Role)> {
    const CRATE: &str = "zeropoint_kernels::";
    if let Some(path) = symbol.strip_prefix(CRATE) {
        let (tier, operation) = path.split_once("::")?;
        let operation = operations().find(|&of| of == operation)?;
        return Some((tier.parse().ok()?, Role::Operation(operation)));
    }
    let path = symbol.strip_prefix('<')?.strip_prefix(CRATE)?;
    let (tier, method) = path.split_once("::product::")?;
    method.ends_with("Multiply>::tile").then_some((tier.parse().ok()?, Role::Tile))
}

/// The names of kernels that tell a tile. They are in the program as the table points to them, one behind the other
/// without anything between.
fn tiles(data: &[u8]) -> Result<Vec<Tile>> {
    let mut names: Vec<&str> = Isa::ALL.iter().map(|isa| isa.name()).collect();
    // Of two names that begin alike the longer one comes first.
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let pattern = Regex::new(&format!("(?:{})/[a-z_]+_(?:[iu][0-9]+)+_([0-9]+)x([0-9]+)k([0-9]+)", names.join("|")))?;
    let mut tiles: Vec<Tile> = Vec::new();
    for found in pattern.captures_iter(data) {
        let text = |range: Range<usize>| String::from_utf8_lossy(&data[range]).into_owned();
        let group = |index: usize| found.get(index).map(|group| group.range()).unwrap_or_default();
        let number = |index: usize| text(group(index)).parse().context("the size of a tile");
        let tile = Tile { name: text(group(0)), rows: number(1)?, columns: number(2)?, group: number(3)? };
        if !tiles.contains(&tile) {
            tiles.push(tile);
        }
    }
    Ok(tiles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_tell_what_they_are() {
        assert!(role("zeropoint_kernels::avx2::gemm") == Some((Isa::Avx2, Role::Operation("gemm"))));
        let tile = "<zeropoint_kernels::avx512vnni::product::Quads<_> as \
                    zeropoint_kernels::generic::multiply::Multiply>::tile";
        assert!(role(tile) == Some((Isa::Avx512Vnni, Role::Tile)));
        assert!(role("zeropoint_kernels::avx2::peak::peak").is_none());
        assert!(role("zeropoint_kernels::table::KernelSet::gemm").is_none());
    }

    #[test]
    fn names_are_found_without_space_between() {
        let data = b"xneon/gemm_i8i8i32_6x16k2neon_dotprod/gemm_i8i8i32_12x8k4neon/center_i8i16";
        let found = tiles(data).unwrap();
        let expected = [("neon/gemm_i8i8i32_6x16k2", 6, 16, 2), ("neon_dotprod/gemm_i8i8i32_12x8k4", 12, 8, 4)];
        let expected = expected.map(|(name, rows, columns, group)| Tile { name: name.into(), rows, columns, group });
        assert_eq!(found, expected);
    }
}
