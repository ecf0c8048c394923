//! A node's attributes: taken one by one, of the type that is expected; what is left over in the end is unknown.

use std::collections::HashSet;

use super::proto::{AttributeProto, AttributeType, TensorProto};
use crate::error::Fault;

pub(super) struct Attributes<'a> {
    left: Vec<&'a AttributeProto>,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(all: &'a [AttributeProto]) -> Result<Self, Fault> {
        let mut names = HashSet::new();
        for attribute in all {
            let name = &attribute.name;
            if !names.insert(name) {
                return Err(Fault::invalid(format!("attribute {name} is there twice")));
            }
            if !attribute.ref_attr_name.is_empty() {
                return Err(Fault::unsupported(format!("attribute {name} refers to one of a function")));
            }
        }
        Ok(Self { left: all.iter().collect() })
    }

    fn take(&mut self, name: &str, expected: AttributeType) -> Result<Option<&'a AttributeProto>, Fault> {
        let Some(at) = self.left.iter().position(|attribute| attribute.name == name) else { return Ok(None) };
        let attribute = self.left.swap_remove(at);
        match AttributeType::try_from(attribute.r#type) {
            Ok(type_) if type_ == expected => Ok(Some(attribute)),
            Ok(type_) => Err(Fault::invalid(format!("attribute {name} is of type {type_:?}, expected {expected:?}"))),
            Err(_) => Err(Fault::invalid(format!(
                "attribute {name} is of type {}, which does not exist; expected {expected:?}",
                attribute.r#type
            ))),
        }
    }

    pub(super) fn int(&mut self, name: &str) -> Result<Option<i64>, Fault> {
        Ok(self.take(name, AttributeType::Int)?.map(|attribute| attribute.i))
    }

    pub(super) fn int_or(&mut self, name: &str, default: i64) -> Result<i64, Fault> {
        Ok(self.int(name)?.unwrap_or(default))
    }

    pub(super) fn ints(&mut self, name: &str) -> Result<Option<&'a [i64]>, Fault> {
        Ok(self.take(name, AttributeType::Ints)?.map(|attribute| attribute.ints.as_slice()))
    }

    pub(super) fn float(&mut self, name: &str) -> Result<Option<f32>, Fault> {
        Ok(self.take(name, AttributeType::Float)?.map(|attribute| attribute.f))
    }

    pub(super) fn float_or(&mut self, name: &str, default: f32) -> Result<f32, Fault> {
        Ok(self.float(name)?.unwrap_or(default))
    }

    pub(super) fn floats(&mut self, name: &str) -> Result<Option<&'a [f32]>, Fault> {
        Ok(self.take(name, AttributeType::Floats)?.map(|attribute| attribute.floats.as_slice()))
    }

    pub(super) fn string(&mut self, name: &str) -> Result<Option<&'a str>, Fault> {
        self.take(name, AttributeType::String)?
            .map(|attribute| {
                std::str::from_utf8(&attribute.s)
                    .map_err(|_| Fault::invalid(format!("attribute {name} is no text: {:?}", attribute.s)))
            })
            .transpose()
    }

    pub(super) fn tensor(&mut self, name: &str) -> Result<Option<&'a TensorProto>, Fault> {
        self.take(name, AttributeType::Tensor)?
            .map(|attribute| {
                attribute.t.as_ref().ok_or_else(|| Fault::invalid(format!("attribute {name} has no tensor")))
            })
            .transpose()
    }

    /// A number that is 0 or 1, and 0 where it is left out.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Fault> {
        self.flag_or(name, false)
    }

    /// A number that is 0 or 1.
    pub(super) fn flag_or(&mut self, name: &str, default: bool) -> Result<bool, Fault> {
        match self.int_or(name, default.into())? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Fault::invalid(format!("attribute {name} is {other}, expected 0 or 1"))),
        }
    }

    /// Sizes, none less than `least`. How many there have to be is known with the input's rank.
    pub(super) fn sizes(&mut self, name: &str, least: usize) -> Result<Option<Vec<usize>>, Fault> {
        let Some(values) = self.ints(name)? else { return Ok(None) };
        let size = |&value| usize::try_from(value).ok().filter(|&size| size >= least);
        let sizes: Option<Vec<usize>> = values.iter().map(size).collect();
        sizes.map(Some).ok_or_else(|| {
            Fault::invalid(format!("attribute {name} is {values:?}, expected numbers of at least {least}"))
        })
    }

    /// What the operator does not have, or this runner does not know.
    pub(super) fn finish(self) -> Result<(), Fault> {
        if self.left.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = self.left.iter().map(|attribute| attribute.name.as_str()).collect();
        Err(Fault::unsupported(format!("unknown attributes: {}", names.join(", "))))
    }
}
