//! What both forms of a program come to: operators in the order of their execution, on numbered variables.

use crate::error::Fault;
use crate::graph::Type;

/// A program: one block.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Program {
    pub(super) variables: Vec<Variable>,
    pub(super) operators: Vec<Operator>,
}

/// A variable. In the older form it may be written any number of times.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Variable {
    pub(super) name: String,
    /// Its value is in the file of parameters.
    pub(super) is_parameter: bool,
    /// What the program says of it; the value of a parameter may have another type and shape.
    pub(super) type_: Option<Type>,
    /// Sizes, with −1 for those that are left open.
    pub(super) dims: Option<Vec<i64>>,
}

/// An operator, by the names that the older form has for it, its slots and its attributes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Operator {
    pub(super) name: String,
    pub(super) inputs: Vec<Slot>,
    pub(super) outputs: Vec<Slot>,
    pub(super) attributes: Vec<(String, Attribute)>,
}

/// A slot: any number of indices of variables.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) variables: Vec<usize>,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Attribute {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bools(Vec<bool>),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Texts(Vec<String>),
    /// One of a sort that no operator here has.
    Other(String),
}

impl Attribute {
    /// The sort of value, for a message.
    pub(super) fn sort(&self) -> &str {
        match self {
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "a text",
            Self::Bools(_) => "bools",
            Self::Ints(_) => "integers",
            Self::Floats(_) => "floats",
            Self::Texts(_) => "texts",
            Self::Other(sort) => sort,
        }
    }
}

impl Program {
    /// The names of the parameters in the order of their file: ascending by bytes.
    pub(super) fn parameters(&self) -> Vec<usize> {
        let mut found: Vec<usize> = (0..self.variables.len()).filter(|&at| self.variables[at].is_parameter).collect();
        found.sort_by(|&a, &b| self.variables[a].name.as_bytes().cmp(self.variables[b].name.as_bytes()));
        found
    }
}

impl Operator {
    /// What messages call it.
    pub(super) fn label(&self, program: &Program) -> String {
        let mut made = self.outputs.iter().flat_map(|slot| &slot.variables);
        match made.next() {
            Some(&variable) => format!("{} operator that makes \"{}\"", self.name, program.variables[variable].name),
            None => format!("{} operator", self.name),
        }
    }
}

/// Sizes of a tensor's description, none negative.
pub(super) fn sizes(dims: &[i64]) -> Result<Vec<usize>, Fault> {
    if dims.len() > crate::graph::shape::MAX_RANK {
        let most = crate::graph::shape::MAX_RANK;
        return Err(Fault::unsupported(format!("has {} axes, expected at most {most}", dims.len())));
    }
    let size = |&size| usize::try_from(size).map_err(|_| Fault::invalid(format!("a size of {size} in {dims:?}")));
    dims.iter().map(size).collect()
}
