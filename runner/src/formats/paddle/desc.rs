//! The older form of a program: one protobuf message.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use prost::Message;

use super::program::{Attribute, Operator, Program, Slot, Variable};
use super::proto::{AttrType, BlockDesc, OpAttr, OpDesc, OpVar, ProgramDesc, VarDesc};
use super::types;
use crate::error::{Fault, Problems};

/// `VarType.Type` of what is no value: the lists that feed and fetch, and what only training has.
const TENSOR: i32 = 7;
const LISTS: [i32; 3] = [9, 10, 17];

/// Understands the bytes as far as possible, and says what cannot be.
pub(super) fn read(bytes: &[u8], problems: &mut Problems) -> Option<Program> {
    let program = match ProgramDesc::decode(bytes) {
        Ok(program) => program,
        Err(error) => {
            problems.push(Fault::invalid(format!("is no program of Paddle's: {error}")).at("file"));
            return None;
        }
    };
    let Some(block) = program.blocks.first() else {
        problems.push(Fault::invalid("is no program of Paddle's: it has no block").at("file"));
        return None;
    };
    if program.blocks.len() > 1 {
        let message = format!("has {} blocks, expected one: no control flow", program.blocks.len());
        problems.push(Fault::unsupported(message).at("file"));
    }
    Some(Reader { problems, program: Program::default(), indices: HashMap::new() }.read(block))
}

struct Reader<'a> {
    problems: &'a mut Problems,
    program: Program,
    indices: HashMap<&'a str, usize>,
}

impl<'a> Reader<'a> {
    fn read(mut self, block: &'a BlockDesc) -> Program {
        for var in &block.vars {
            let place = format!("variable \"{}\"", var.name);
            let Some(variable) = self.variable(var, &place) else { continue };
            match self.indices.entry(&var.name) {
                Entry::Vacant(entry) => {
                    entry.insert(self.program.variables.len());
                    self.program.variables.push(variable);
                }
                Entry::Occupied(_) => self.problems.push(Fault::invalid("is there twice").at(place)),
            }
        }
        for op in &block.ops {
            let operator = self.operator(op);
            self.program.operators.push(operator);
        }
        self.program
    }

    /// Nothing where it is none that operators compute with.
    fn variable(&mut self, var: &VarDesc, place: &str) -> Option<Variable> {
        let sort = var.r#type.as_ref().map_or(TENSOR, |type_| type_.r#type);
        if LISTS.contains(&sort) {
            return None;
        }
        let tensor = var.r#type.as_ref().and_then(|type_| type_.lod_tensor.as_ref()?.tensor.as_ref());
        if var.persistable && sort != TENSOR {
            let message = format!("its value is of sort {sort}, expected {TENSOR}, a tensor");
            self.problems.push(Fault::unsupported(message).at(place));
        }
        Some(Variable {
            name: var.name.clone(),
            is_parameter: var.persistable && sort == TENSOR,
            // Of most variables neither is needed; what needs them says so.
            type_: tensor.and_then(|tensor| types::of_code(tensor.data_type.into()).ok()),
            dims: tensor.map(|tensor| tensor.dims.clone()),
        })
    }

    fn operator(&mut self, op: &'a OpDesc) -> Operator {
        let operator = Operator {
            name: op.r#type.clone(),
            inputs: self.slots(&op.inputs),
            outputs: self.slots(&op.outputs),
            // A traceback of who made the operator is of no use here.
            attributes: op.attrs.iter().filter(|attr| attr.name != "op_callstack").map(attribute).collect(),
        };
        let twice = |mut names: Vec<&str>| {
            names.sort_unstable();
            names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_owned())
        };
        let slots = |slots: &'a [OpVar]| slots.iter().map(|slot| slot.parameter.as_str()).collect();
        let attributes = op.attrs.iter().map(|attr| attr.name.as_str()).collect();
        for (sort, names) in [("slot", slots(&op.inputs)), ("slot", slots(&op.outputs)), ("attribute", attributes)] {
            if let Some(name) = twice(names) {
                let fault = Fault::invalid(format!("{sort} {name} is there twice"));
                self.problems.push(fault.at(operator.label(&self.program)));
            }
        }
        operator
    }

    fn slots(&mut self, slots: &'a [OpVar]) -> Vec<Slot> {
        let mut slot = |slot: &'a OpVar| Slot {
            name: slot.parameter.clone(),
            variables: slot.arguments.iter().map(|name| self.index(name)).collect(),
        };
        slots.iter().map(&mut slot).collect()
    }

    /// The variable of a name; one that is not declared is made by nobody until an operator writes it.
    fn index(&mut self, name: &'a str) -> usize {
        *self.indices.entry(name).or_insert_with(|| {
            self.program.variables.push(Variable { name: name.to_owned(), ..Variable::default() });
            self.program.variables.len() - 1
        })
    }
}

fn attribute(attr: &OpAttr) -> (String, Attribute) {
    let value = match AttrType::try_from(attr.r#type) {
        Ok(AttrType::Int) => Attribute::Int(attr.i.into()),
        Ok(AttrType::Long) => Attribute::Int(attr.l),
        Ok(AttrType::Float) => Attribute::Float(attr.f.into()),
        Ok(AttrType::Float64) => Attribute::Float(attr.float64),
        Ok(AttrType::String) => Attribute::Text(attr.s.clone()),
        Ok(AttrType::Boolean) => Attribute::Bool(attr.b),
        Ok(AttrType::Ints) => Attribute::Ints(attr.ints.iter().map(|&value| value.into()).collect()),
        Ok(AttrType::Longs) => Attribute::Ints(attr.longs.clone()),
        Ok(AttrType::Floats) => Attribute::Floats(attr.floats.iter().map(|&value| value.into()).collect()),
        Ok(AttrType::Float64s) => Attribute::Floats(attr.float64s.clone()),
        Ok(AttrType::Strings) => Attribute::Texts(attr.strings.clone()),
        Ok(AttrType::Booleans) => Attribute::Bools(attr.bools.clone()),
        Ok(other) => Attribute::Other(format!("of sort {other:?}")),
        Err(_) => Attribute::Other(format!("of sort {}, which does not exist", attr.r#type)),
    };
    (attr.name.clone(), value)
}
