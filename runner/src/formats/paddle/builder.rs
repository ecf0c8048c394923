//! A program made into a graph: variables are resolved in the order of the program, as one may be written several times.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::operators;
use super::program::{Attribute, Operator, Program, Slot};
use crate::error::{Fault, Problems};
use crate::graph::{Constant, Data, Graph, Node, Op, Size, Tensor, TensorId, Type, check, shape};

/// The most elements that all constants of a program's own operators may have.
const MOST_ELEMENTS: usize = 1 << 24;

/// Builds the graph of a program, given the values of its parameters; a parameter without one is reported already.
pub(super) fn build(program: &Program, parameters: Vec<(usize, Option<Constant>)>, problems: &mut Problems) -> Graph {
    let mut builder = Builder {
        program,
        // Its executor adds biases of floats to scaled sums.
        graph: Graph { real_bias: true, ..Graph::default() },
        current: vec![None; program.variables.len()],
        names: Names::of(program),
        dims: HashMap::new(),
        integers: HashSet::new(),
        widened: HashMap::new(),
        broken: Vec::new(),
        doubtful: HashSet::new(),
        spent: 0,
    };
    builder.parameters(parameters);
    let mut fed = Vec::new();
    let mut fetched = Vec::new();
    for operator in &program.operators {
        let done = match operator.name.as_str() {
            "feed" => builder.feed(operator, &mut fed),
            "fetch" => builder.fetch(operator, &mut fetched),
            _ => builder.operator(operator),
        };
        if let Err(fault) = done {
            problems.push(fault.at(operator.label(program)));
        }
    }
    let Builder { mut graph, broken, .. } = builder;
    // Both are given and got by their columns.
    for (columns, ids) in [(&mut fed, &mut graph.inputs), (&mut fetched, &mut graph.outputs)] {
        columns.sort_by_key(|&(column, _)| column);
        *ids = columns.iter().map(|&(_, id)| id).collect();
    }
    check::check(&graph, &broken, problems);
    graph
}

/// Names for tensors, each once. A variable that is written again has `#2` behind its name, and so on; where a quantiser
/// is among the writers, its result has the plain name.
struct Names<'a> {
    used: HashSet<String>,
    count: HashMap<&'a str, usize>,
    reserved: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(program: &'a Program) -> Self {
        let quantisers = program.operators.iter().filter(|operator| operators::quantises(operator));
        let made = quantisers.flat_map(|operator| &operator.outputs).flat_map(|slot| &slot.variables);
        let reserved = made.map(|&variable| program.variables[variable].name.as_str()).collect();
        Self { used: HashSet::new(), count: HashMap::new(), reserved }
    }

    fn next(&mut self, name: &'a str, quantises: bool) -> String {
        if (quantises || !self.reserved.contains(name)) && self.used.insert(name.to_owned()) {
            return name.to_owned();
        }
        let count = self.count.entry(name).or_insert(1);
        loop {
            *count += 1;
            let next = format!("{name}#{count}");
            if self.used.insert(next.clone()) {
                return next;
            }
        }
    }
}

struct Builder<'a> {
    program: &'a Program,
    graph: Graph,
    /// What each variable is now.
    current: Vec<Option<TensorId>>,
    names: Names<'a>,
    /// Sizes as the program declares them, −1 where they are left open.
    dims: HashMap<TensorId, Vec<i64>>,
    /// What quantisers made: integers here, but floats of whole numbers in Paddle.
    integers: HashSet<TensorId>,
    /// These as floats, where something reads them so.
    widened: HashMap<TensorId, TensorId>,
    /// Tensors that are reported already, so that their readers need not be.
    broken: Vec<TensorId>,
    /// These, and what operators make that are reported.
    doubtful: HashSet<TensorId>,
    /// Elements of constants that operators made.
    spent: usize,
}

impl<'a> Builder<'a> {
    fn parameters(&mut self, parameters: Vec<(usize, Option<Constant>)>) {
        for (variable, constant) in parameters {
            let name = self.names.next(&self.program.variables[variable].name, true);
            let id = match constant {
                Some(constant) => self.graph.add(Tensor::constant(name, constant)),
                None => {
                    let id = self.graph.add(Tensor::named(name));
                    self.broken.push(id);
                    self.doubtful.insert(id);
                    id
                }
            };
            self.current[variable] = Some(id);
        }
    }

    fn feed(&mut self, operator: &'a Operator, fed: &mut Vec<(i64, TensorId)>) -> Result<(), Fault> {
        let variable = only(&operator.outputs, "Out")?.ok_or_else(|| Fault::invalid("feeds nothing"))?;
        let id = self.new_tensor(variable, false);
        self.current[variable] = Some(id);
        fed.push((column(operator)?, id));
        let (type_, sizes) = self.input(variable)?;
        let tensor = self.graph.tensor_mut(id);
        tensor.type_ = Some(type_);
        tensor.set_sizes(sizes)
    }

    /// Type and sizes of an input; those that are left open have no names.
    fn input(&self, variable: usize) -> Result<(Type, Vec<Size>), Fault> {
        let variable = &self.program.variables[variable];
        let type_ = variable.type_.ok_or_else(|| Fault::unsupported("has no type of elements that is known here"))?;
        let dims =
            variable.dims.as_ref().ok_or_else(|| Fault::unsupported("has no shape; its rank has to be known"))?;
        let least: Vec<i64> = dims.iter().map(|&size| if size == -1 { 1 } else { size }).collect();
        let sizes = super::program::sizes(&least)?.into_iter().zip(dims);
        let sizes = sizes.map(|(size, &dim)| if dim == -1 { Size::Open(String::new()) } else { Size::Fixed(size) });
        Ok((type_, sizes.collect()))
    }

    /// An output has the name of what is fetched, whatever the tensor is called, unless another tensor has it.
    fn fetch(&mut self, operator: &'a Operator, fetched: &mut Vec<(i64, TensorId)>) -> Result<(), Fault> {
        let variable = only(&operator.inputs, "X")?.ok_or_else(|| Fault::invalid("fetches nothing"))?;
        let id = self.value(variable);
        let name = operator.attributes.iter().find_map(|(name, value)| match value {
            Attribute::Text(text) if name == "name" => Some(text.as_str()),
            _ => None,
        });
        let name = name.unwrap_or(&self.program.variables[variable].name);
        let from = self.widen(id);
        let tensor = self.graph.tensor(from);
        // Another node only where the tensor cannot be an output itself, or has another name than it could have.
        let is_made = tensor.constant.is_none() && !tensor.internal && !self.graph.inputs.contains(&from);
        let made = if is_made && (tensor.name == name || self.names.used.contains(name)) {
            from
        } else {
            let to = Tensor::named(self.names.next(name, false));
            let to = self.graph.add(to);
            self.graph.nodes.push(Node::new(Op::Identity, vec![Some(from)], to));
            to
        };
        fetched.push((column(operator)?, made));
        Ok(())
    }

    fn operator(&mut self, operator: &'a Operator) -> Result<(), Fault> {
        let (nodes, tensors) = (self.graph.nodes.len(), self.graph.tensors.len());
        let mut call = Call { builder: self, operator, slots: Vec::new(), attributes: Vec::new() };
        let known = operators::add(&mut call);
        let done = known.map(|done| done.and_then(|()| call.finish()));
        if let Some(Ok(())) = done {
            return Ok(());
        }
        self.graph.nodes.truncate(nodes);
        self.widened.retain(|_, id| id.0 < tensors);
        let follows = self.unknown(operator);
        match done {
            None => Err(operators::not_known(&operator.name)),
            // What is wrong with it may be what is wrong with its operands.
            Some(Err(_)) if follows => Ok(()),
            Some(done) => done,
        }
    }

    /// Stands for an operator that is not understood, so that what reads its results need not be reported too. Tells
    /// whether it reads something of that kind itself.
    fn unknown(&mut self, operator: &'a Operator) -> bool {
        let variables = |slots: &'a [Slot]| slots.iter().flat_map(|slot| &slot.variables).copied();
        let inputs: Vec<TensorId> = variables(&operator.inputs).map(|variable| self.value(variable)).collect();
        let follows = inputs.iter().any(|id| self.doubtful.contains(id));
        let mut outputs = Vec::new();
        for variable in variables(&operator.outputs) {
            let id = self.new_tensor(variable, false);
            self.current[variable] = Some(id);
            self.doubtful.insert(id);
            outputs.push(id);
        }
        let inputs = inputs.into_iter().map(Some).collect();
        let op = Op::Unknown { name: operator.name.clone() };
        self.graph.nodes.push(Node { name: String::new(), op, inputs, outputs, clamp: None });
        follows
    }

    /// What a variable is now; one that nobody has written is a tensor that nobody makes.
    fn value(&mut self, variable: usize) -> TensorId {
        if let Some(id) = self.current[variable] {
            return id;
        }
        let id = self.new_tensor(variable, false);
        self.current[variable] = Some(id);
        id
    }

    fn new_tensor(&mut self, variable: usize, quantises: bool) -> TensorId {
        let variable = &self.program.variables[variable];
        let id = self.graph.add(Tensor::named(self.names.next(&variable.name, quantises)));
        // Longer ones are no shapes, and a variable that is written often would keep many copies of them.
        if let Some(dims) = variable.dims.as_ref().filter(|dims| dims.len() <= shape::MAX_RANK) {
            self.dims.insert(id, dims.clone());
        }
        id
    }

    /// A tensor as operators other than dequantisers read it.
    fn widen(&mut self, id: TensorId) -> TensorId {
        if !self.integers.contains(&id) {
            return id;
        }
        if let Some(&widened) = self.widened.get(&id) {
            return widened;
        }
        let name = self.graph.tensor(id).name.clone();
        let to = self.graph.add(Tensor { internal: true, ..Tensor::named(name) });
        if let Some(dims) = self.dims.get(&id).cloned() {
            self.dims.insert(to, dims);
        }
        self.graph.nodes.push(Node::new(Op::Cast { to: Type::F32 }, vec![Some(id)], to));
        self.widened.insert(id, to);
        to
    }
}

/// The only variable of a slot; none where the slot is not there or empty.
fn only(slots: &[Slot], name: &str) -> Result<Option<usize>, Fault> {
    match slots.iter().find(|slot| slot.name == name).map(|slot| slot.variables.as_slice()) {
        None | Some([]) => Ok(None),
        Some(&[variable]) => Ok(Some(variable)),
        Some(several) => Err(Fault::invalid(format!("slot {name} has {} variables, expected one", several.len()))),
    }
}

fn column(operator: &Operator) -> Result<i64, Fault> {
    match operator.attributes.iter().find(|(name, _)| name == "col") {
        None => Ok(0),
        Some((_, Attribute::Int(column))) => Ok(*column),
        Some((_, other)) => Err(Fault::invalid(format!("attribute col is {}, expected an integer", other.sort()))),
    }
}

/// An operator on its way into the graph. What it reads is noted, so that what nothing reads can be told.
pub(super) struct Call<'a, 'b> {
    builder: &'b mut Builder<'a>,
    operator: &'a Operator,
    slots: Vec<&'static str>,
    attributes: Vec<&'static str>,
}

impl<'a> Call<'a, '_> {
    /// The operator's name.
    pub(super) fn name(&self) -> &'a str {
        &self.operator.name
    }

    /// The operand of a slot.
    pub(super) fn input(&mut self, slot: &'static str) -> Result<TensorId, Fault> {
        self.optional(slot)?.ok_or_else(|| Fault::invalid(format!("slot {slot} is empty")))
    }

    /// The operand of a slot that may be empty.
    pub(super) fn optional(&mut self, slot: &'static str) -> Result<Option<TensorId>, Fault> {
        let Some(id) = self.raw(slot)? else { return Ok(None) };
        Ok(Some(self.builder.widen(id)))
    }

    /// The operands of a slot.
    pub(super) fn inputs(&mut self, slot: &'static str) -> Vec<TensorId> {
        self.slots.push(slot);
        let found = self.operator.inputs.iter().find(|found| found.name == slot);
        let variables = found.map_or(&[][..], |slot| &slot.variables);
        let mut operand = |&variable: &usize| {
            let id = self.builder.value(variable);
            self.builder.widen(id)
        };
        variables.iter().map(&mut operand).collect()
    }

    /// The operand of a slot, which may be what a quantiser made, as integers.
    pub(super) fn raw(&mut self, slot: &'static str) -> Result<Option<TensorId>, Fault> {
        self.slots.push(slot);
        let variable = only(&self.operator.inputs, slot)?;
        Ok(variable.map(|variable| self.builder.value(variable)))
    }

    /// Leaves slots unread that do not matter.
    pub(super) fn ignore(&mut self, slots: &[&'static str]) {
        self.slots.extend(slots);
    }

    /// Whether a tensor is integers that a quantiser made.
    pub(super) fn is_quantised(&self, id: TensorId) -> bool {
        self.builder.integers.contains(&id)
    }

    /// The value of a tensor, if it is the same for every run.
    pub(super) fn constant(&self, id: TensorId) -> Option<&Constant> {
        self.builder.graph.tensor(id).constant.as_deref()
    }

    /// What messages call a tensor.
    pub(super) fn tensor_name(&self, id: TensorId) -> &str {
        &self.builder.graph.tensor(id).name
    }

    /// Sizes of a tensor, −1 where they are left open.
    pub(super) fn dims(&self, id: TensorId) -> Result<Vec<i64>, Fault> {
        if let Some(constant) = self.constant(id) {
            return Ok(constant.shape().iter().map(|&size| i64::try_from(size).unwrap_or(i64::MAX)).collect());
        }
        let missing = || {
            let (name, most) = (self.tensor_name(id), shape::MAX_RANK);
            Fault::unsupported(format!("the program does not give \"{name}\" a shape of up to {most} axes"))
        };
        self.builder.dims.get(&id).cloned().ok_or_else(missing)
    }

    /// Axes of a tensor.
    pub(super) fn rank(&self, id: TensorId) -> Result<usize, Fault> {
        self.dims(id).map(|dims| dims.len())
    }

    fn find(&mut self, name: &'static str) -> Option<&'a Attribute> {
        self.attributes.push(name);
        self.operator.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// An integer.
    pub(super) fn int(&mut self, name: &'static str) -> Result<Option<i64>, Fault> {
        self.find(name)
            .map(|value| match value {
                Attribute::Int(value) => Ok(*value),
                other => Err(wrong(name, other, "an integer")),
            })
            .transpose()
    }

    /// A number.
    pub(super) fn float(&mut self, name: &'static str) -> Result<Option<f32>, Fault> {
        self.find(name)
            .map(|value| match value {
                Attribute::Float(value) => Ok(*value as f32),
                Attribute::Int(value) => Ok(*value as f32),
                other => Err(wrong(name, other, "a number")),
            })
            .transpose()
    }

    /// A condition.
    pub(super) fn flag(&mut self, name: &'static str, default: bool) -> Result<bool, Fault> {
        match self.find(name) {
            None => Ok(default),
            Some(Attribute::Bool(value)) => Ok(*value),
            Some(other) => Err(wrong(name, other, "a bool")),
        }
    }

    /// A text.
    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<&'a str>, Fault> {
        self.find(name)
            .map(|value| match value {
                Attribute::Text(value) => Ok(value.as_str()),
                other => Err(wrong(name, other, "a text")),
            })
            .transpose()
    }

    /// Integers; one that stands alone is one of them.
    pub(super) fn ints(&mut self, name: &'static str) -> Result<Option<Vec<i64>>, Fault> {
        self.find(name)
            .map(|value| match value {
                Attribute::Ints(values) => Ok(values.clone()),
                Attribute::Int(value) => Ok(vec![*value]),
                other => Err(wrong(name, other, "integers")),
            })
            .transpose()
    }

    /// Numbers; one that stands alone is one of them.
    pub(super) fn floats(&mut self, name: &'static str) -> Result<Option<Vec<f32>>, Fault> {
        self.find(name)
            .map(|value| match value {
                Attribute::Floats(values) => Ok(values.iter().map(|&value| value as f32).collect()),
                Attribute::Float(value) => Ok(vec![*value as f32]),
                Attribute::Ints(values) => Ok(values.iter().map(|&value| value as f32).collect()),
                other => Err(wrong(name, other, "numbers")),
            })
            .transpose()
    }

    /// A type, by its number or its name.
    pub(super) fn type_(&mut self, name: &'static str) -> Result<Option<Type>, Fault> {
        self.find(name)
            .map(|value| match value {
                Attribute::Int(code) => super::types::of_code(*code),
                Attribute::Text(name) => super::types::of_name(name),
                other => Err(wrong(name, other, "a type")),
            })
            .transpose()
    }

    /// Refuses a text that says something else than what is done.
    pub(super) fn expect(&mut self, name: &'static str, expected: &[&str]) -> Result<(), Fault> {
        match self.text(name)? {
            None => Ok(()),
            Some(value) if expected.contains(&value) => Ok(()),
            Some(value) => {
                let expected = expected.join(" or ");
                Err(Fault::unsupported(format!("attribute {name} is \"{value}\", expected {expected}")))
            }
        }
    }

    /// A constant that the operator says in attributes.
    pub(super) fn value(&mut self, shape: Vec<usize>, data: Data) -> Result<TensorId, Fault> {
        let constant = Constant::new(shape, data)?;
        let name = self.label();
        Ok(self.builder.graph.add(Tensor { internal: true, ..Tensor::constant(name, constant) }))
    }

    /// A float that the operator says in an attribute.
    pub(super) fn scalar(&mut self, value: f32) -> Result<TensorId, Fault> {
        self.value(vec![], Data::F32(vec![value]))
    }

    /// Axes or sizes that the operator says in an attribute.
    pub(super) fn vector(&mut self, values: Vec<i64>) -> Result<TensorId, Fault> {
        self.value(vec![values.len()], Data::I64(values))
    }

    /// Room for the elements of a constant that an operator makes; an error where all of them are too many.
    pub(super) fn spend(&mut self, elements: usize) -> Result<(), Fault> {
        self.builder.spent = self.builder.spent.saturating_add(elements);
        if self.builder.spent > MOST_ELEMENTS {
            return Err(Fault::too_large(format!("more than {MOST_ELEMENTS} elements of constants to make")));
        }
        Ok(())
    }

    /// The variable that the operator makes, for what it makes on the way.
    fn label(&self) -> String {
        let made = self.operator.outputs.iter().flat_map(|slot| &slot.variables).next();
        made.map_or_else(String::new, |&variable| self.builder.program.variables[variable].name.clone())
    }

    /// A node that makes something on the way to the result.
    pub(super) fn node(&mut self, op: Op, inputs: &[TensorId]) -> TensorId {
        let name = self.label();
        let to = self.builder.graph.add(Tensor { internal: true, ..Tensor::named(name) });
        self.push(op, inputs.iter().copied().map(Some).collect(), vec![to]);
        to
    }

    /// The node that makes the variable of a slot.
    pub(super) fn make(&mut self, op: Op, inputs: &[TensorId], slot: &str) -> Result<TensorId, Fault> {
        self.make_of(op, inputs.iter().copied().map(Some).collect(), slot)
    }

    /// The node that makes the variable of a slot, of operands some of which may be left out.
    pub(super) fn make_of(&mut self, op: Op, inputs: Vec<Option<TensorId>>, slot: &str) -> Result<TensorId, Fault> {
        let variable = self.output(slot)?;
        let quantises = matches!(op, Op::QuantizeLinear { .. });
        let to = self.builder.new_tensor(variable, quantises);
        if quantises {
            self.builder.integers.insert(to);
        }
        self.push(op, inputs, vec![to]);
        self.builder.current[variable] = Some(to);
        Ok(to)
    }

    /// The node that makes all variables of a slot, which are so many.
    pub(super) fn make_all(&mut self, op: Op, inputs: &[TensorId], slot: &str, count: usize) -> Result<(), Fault> {
        let found = self.operator.outputs.iter().find(|found| found.name == slot);
        let variables = found.map_or(&[][..], |slot| slot.variables.as_slice());
        if variables.len() != count {
            return Err(Fault::invalid(format!("makes {} tensors, expected {count}", variables.len())));
        }
        let mut made = Vec::with_capacity(variables.len());
        for &variable in variables {
            let id = self.builder.new_tensor(variable, false);
            self.builder.current[variable] = Some(id);
            made.push(id);
        }
        self.push(op, inputs.iter().copied().map(Some).collect(), made);
        Ok(())
    }

    /// Makes the variable of a slot another name of a tensor.
    pub(super) fn same(&mut self, id: TensorId, slot: &str) -> Result<(), Fault> {
        let variable = self.output(slot)?;
        self.builder.current[variable] = Some(id);
        Ok(())
    }

    /// Makes the variable of a slot a constant.
    pub(super) fn make_constant(&mut self, shape: Vec<usize>, data: Data, slot: &str) -> Result<(), Fault> {
        let variable = self.output(slot)?;
        let constant = Constant::new(shape, data)?;
        let id = self.builder.new_tensor(variable, false);
        let tensor = self.builder.graph.tensor_mut(id);
        tensor.type_ = Some(constant.type_());
        tensor.shape = Some(constant.shape().to_vec());
        tensor.constant = Some(Arc::new(constant));
        self.builder.current[variable] = Some(id);
        Ok(())
    }

    /// The variable of a slot that the operator makes.
    fn output(&self, slot: &str) -> Result<usize, Fault> {
        only(&self.operator.outputs, slot)?.ok_or_else(|| Fault::invalid(format!("makes nothing in slot {slot}")))
    }

    fn push(&mut self, op: Op, mut inputs: Vec<Option<TensorId>>, outputs: Vec<TensorId>) {
        // What reads an optional operand only asks whether it is there.
        while inputs.last() == Some(&None) {
            inputs.pop();
        }
        self.builder.graph.nodes.push(Node { name: String::new(), op, inputs, outputs, clamp: None });
    }

    /// Refuses what the operator was given and what nothing here reads: other operands, and what is fused behind it.
    fn finish(self) -> Result<(), Fault> {
        let unread = |slot: &&Slot| !slot.variables.is_empty() && !self.slots.contains(&slot.name.as_str());
        if let Some(slot) = self.operator.inputs.iter().find(unread) {
            let message = format!("an operand in slot {}, which is not read here or only known at run time", slot.name);
            return Err(Fault::unsupported(message));
        }
        for (name, value) in &self.operator.attributes {
            let asks = match value {
                Attribute::Bool(value) => *value,
                Attribute::Text(value) => !value.is_empty(),
                _ => false,
            };
            if asks && name.starts_with("fuse") && !self.attributes.contains(&name.as_str()) {
                return Err(Fault::unsupported(format!("attribute {name}: {value:?}")));
            }
        }
        Ok(())
    }
}

fn wrong(name: &str, value: &Attribute, expected: &str) -> Fault {
    Fault::invalid(format!("attribute {name} is {}, expected {expected}", value.sort()))
}
