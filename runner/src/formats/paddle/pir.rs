//! The newer form of a program: JSON. Its values are made once each and have numbers instead of names.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::forms::{self, Input};
use super::program::{Attribute, Operator, Program, Slot, Variable};
use super::types;
use crate::error::{Fault, Problems};
use crate::graph::Type;

/// Understands the bytes as far as possible, and says what cannot be.
pub(super) fn read(bytes: &[u8], problems: &mut Problems) -> Option<Program> {
    match operators(bytes) {
        Ok(operators) => Some(Reader::new(problems, bytes.len()).read(&operators)),
        Err(fault) => {
            problems.push(fault.at("file"));
            None
        }
    }
}

/// The operators of the only block.
fn operators(bytes: &[u8]) -> Result<Vec<Value>, Fault> {
    let refuse = |why: String| Fault::invalid(format!("is no program of Paddle's: {why}"));
    let mut file: Value = serde_json::from_slice(bytes).map_err(|error| refuse(error.to_string()))?;
    match file.pointer("/base_code/magic").and_then(Value::as_str) {
        Some("pir") => {}
        magic => return Err(refuse(format!("its base_code has the magic {magic:?}, expected \"pir\""))),
    }
    for (lists, what) in [("/program/regions", "regions"), ("/program/regions/0/blocks", "blocks")] {
        match file.pointer(lists).and_then(Value::as_array).map(Vec::len) {
            Some(1) => {}
            Some(count) => {
                return Err(Fault::unsupported(format!("has {count} {what}, expected one: no control flow")));
            }
            None => return Err(refuse(format!("it has no {what}"))),
        }
    }
    match file.pointer_mut("/program/regions/0/blocks/0/ops").map(Value::take) {
        Some(Value::Array(operators)) => Ok(operators),
        _ => Err(refuse("its block has no operators".into())),
    }
}

/// A value that the program says.
enum Known {
    Float(f64),
    Int(i64),
    Ints(Vec<i64>),
}

struct Reader<'a> {
    problems: &'a mut Problems,
    program: Program,
    /// The variables of each value: one, or those of a list.
    values: HashMap<i64, Vec<usize>>,
    /// What is in a variable, where the program says it.
    known: HashMap<usize, Known>,
    /// How much operators may still read. A list is written once and read by a few characters, so that what all of them
    /// read would not be bounded by the file's size without.
    left: usize,
}

/// The longest name: operators that read a value do not repeat its name, and messages do.
const MOST_NAME: usize = 1 << 10;

impl<'a> Reader<'a> {
    fn new(problems: &'a mut Problems, left: usize) -> Self {
        Self { problems, program: Program::default(), values: HashMap::new(), known: HashMap::new(), left }
    }

    fn read(mut self, operators: &[Value]) -> Program {
        let mut parameters = HashSet::new();
        for (at, value) in operators.iter().enumerate() {
            let Some((map, name)) = value.as_object().and_then(|map| Some((map, map.get("#")?.as_str()?))) else {
                self.problems.push(Fault::invalid("has no name").at(format!("operator {at}")));
                continue;
            };
            let done = match name {
                "p" => self.parameter(map, &mut parameters),
                "0.combine" => self.combine(map),
                "0.split" => self.split(map),
                "0.slice" => self.slice(map),
                _ => self.operator(map, name),
            };
            if let Err(fault) = done {
                let name: String = name.chars().take(60).collect();
                self.problems.push(fault.at(format!("operator {at}, \"{name}\"")));
            }
        }
        self.program
    }

    fn parameter(&mut self, map: &Map<String, Value>, seen: &mut HashSet<String>) -> Result<(), Fault> {
        let name = map.get("A").and_then(|attributes| attributes.get(3)?.as_str());
        let name = name.ok_or_else(|| Fault::invalid("has no name as its fourth attribute"))?;
        short_enough(name)?;
        if !seen.insert(name.to_owned()) {
            return Err(Fault::invalid(format!("parameter \"{name}\" is there twice")));
        }
        let outputs = outputs(map)?;
        let [output] = outputs.as_slice() else {
            return Err(Fault::invalid(format!("makes {} values, expected one", outputs.len())));
        };
        self.make(output, name.to_owned(), true)?;
        Ok(())
    }

    /// A list of values.
    fn combine(&mut self, map: &Map<String, Value>) -> Result<(), Fault> {
        let mut all = Vec::new();
        for id in inputs(map)? {
            match self.read_value(id)?.as_slice() {
                &[variable] => all.push(variable),
                list => return Err(Fault::unsupported(format!("joins {} values as one", list.len()))),
            }
        }
        let [output] = outputs(map)?.try_into().map_err(|_| Fault::invalid("makes not one list"))?;
        self.bind(output.id, all)
    }

    /// The values of a list, each by itself.
    fn split(&mut self, map: &Map<String, Value>) -> Result<(), Fault> {
        let list = self.only(map)?;
        let outputs = outputs(map)?;
        if outputs.len() != list.len() {
            let (made, had) = (outputs.len(), list.len());
            return Err(Fault::invalid(format!("makes {made} values of a list of {had}")));
        }
        outputs.iter().zip(list).try_for_each(|(output, variable)| self.bind(output.id, vec![variable]))
    }

    /// One value of a list.
    fn slice(&mut self, map: &Map<String, Value>) -> Result<(), Fault> {
        let list = self.only(map)?;
        let index = attributes(map)?.into_iter().find(|(name, _)| name == "index");
        let variable = match index {
            Some((_, Attribute::Int(index))) => usize::try_from(index).ok().and_then(|index| list.get(index)).copied(),
            _ => None,
        };
        let variable = variable.ok_or_else(|| Fault::invalid(format!("has no index into a list of {}", list.len())))?;
        let [output] = outputs(map)?.try_into().map_err(|_| Fault::invalid("makes not one value"))?;
        self.bind(output.id, vec![variable])
    }

    fn only(&mut self, map: &Map<String, Value>) -> Result<Vec<usize>, Fault> {
        match inputs(map)?.as_slice() {
            &[id] => self.read_value(id),
            ids => Err(Fault::invalid(format!("has {} inputs, expected one list", ids.len()))),
        }
    }

    fn operator(&mut self, map: &Map<String, Value>, name: &str) -> Result<(), Fault> {
        let ids = inputs(map)?;
        let mut attributes = attributes(map)?;
        let mut operator = Operator::default();
        let plain = name.strip_prefix("1.").unwrap_or(name);
        short_enough(plain)?;
        match plain {
            "feed" | "data" => {
                operator.name = "feed".into();
                let name = text(&attributes, "name").unwrap_or_default();
                short_enough(&name)?;
                let [output] = outputs(map)?.try_into().map_err(|_| Fault::invalid("makes not one value"))?;
                if output.tensors.len() != 1 {
                    return Err(Fault::unsupported(format!("makes {} tensors, expected one", output.tensors.len())));
                }
                let variables = self.make(&output, name, false)?;
                operator.outputs.push(Slot { name: "Out".into(), variables });
            }
            "fetch" => {
                operator.name = "fetch".into();
                for id in ids {
                    let variables = self.read_value(id)?;
                    operator.inputs.push(Slot { name: "X".into(), variables });
                }
            }
            _ => {
                let form = forms::form(plain.strip_suffix('_').unwrap_or(plain));
                let form = form.as_ref();
                operator.name = form.map_or(plain, |form| form.name).to_owned();
                for (place, id) in ids.into_iter().enumerate() {
                    let variables = self.read_value(id)?;
                    if variables.is_empty() {
                        continue;
                    }
                    let slot = match form.and_then(|form| form.inputs.get(place)) {
                        Some(Input::Value(attribute, slot)) => match self.said(&variables)? {
                            Some(value) => {
                                attributes.push(((*attribute).to_owned(), value));
                                continue;
                            }
                            None => (*slot).to_owned(),
                        },
                        Some(Input::Slot(slot)) => (*slot).to_owned(),
                        None => format!("input {}", place + 1),
                    };
                    operator.inputs.push(Slot { name: slot, variables });
                }
                let renamed = form.map_or(&[][..], |form| form.renamed);
                for (name, _) in &mut attributes {
                    if let Some((_, older)) = renamed.iter().find(|(newer, _)| name == newer) {
                        *name = (*older).to_owned();
                    }
                }
                let stem = self.stem(&operator);
                for (place, output) in outputs(map)?.iter().enumerate() {
                    let name = stem.clone().unwrap_or_else(|| format!("{plain}_{}", output.id));
                    let variables = self.make(output, name, false)?;
                    if variables.is_empty() {
                        continue;
                    }
                    let name = form.and_then(|form| form.outputs.get(place).copied());
                    let name = name.map_or_else(|| format!("output {}", place + 1), str::to_owned);
                    if let (Some(known), &[variable]) = (known(&operator.name, &attributes), variables.as_slice()) {
                        self.known.insert(variable, known);
                    }
                    operator.outputs.push(Slot { name, variables });
                }
            }
        }
        let mut names: Vec<&str> = attributes.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Fault::invalid(format!("attribute {} is there twice", pair[0])));
        }
        operator.attributes = attributes;
        self.program.operators.push(operator);
        Ok(())
    }

    /// The name that a quantised or dequantised tensor has in the older form: it is told by its scale's.
    fn stem(&self, operator: &Operator) -> Option<String> {
        let behind = match operator.name.as_str() {
            "quantize_linear" => ".quantized",
            "dequantize_linear" => ".quantized.dequantized",
            _ => return None,
        };
        let scale = operator.inputs.iter().find(|slot| slot.name == "Scale")?;
        let scale = &self.program.variables[*scale.variables.first()?].name;
        let stem = scale.strip_suffix("@scale")?;
        Some(format!("{stem}{behind}"))
    }

    /// What the program says of variables that are to be an attribute.
    fn said(&mut self, variables: &[usize]) -> Result<Option<Attribute>, Fault> {
        let value = match variables {
            [variable] => match self.known.get(variable) {
                Some(Known::Float(value)) => Attribute::Float(*value),
                Some(Known::Int(value)) => Attribute::Int(*value),
                Some(Known::Ints(values)) => {
                    self.left = self.left.checked_sub(values.len()).ok_or_else(too_much)?;
                    Attribute::Ints(values.clone())
                }
                None => return Ok(None),
            },
            _ => {
                let int = |variable| match self.known.get(variable)? {
                    Known::Int(value) => Some(*value),
                    _ => None,
                };
                return Ok(variables.iter().map(int).collect::<Option<Vec<_>>>().map(Attribute::Ints));
            }
        };
        Ok(Some(value))
    }

    /// The variables of a value; none of an absent one.
    fn read_value(&mut self, id: i64) -> Result<Vec<usize>, Fault> {
        if id == 0 {
            return Ok(Vec::new());
        }
        let variables = self.values.get(&id).cloned();
        let variables =
            variables.ok_or_else(|| Fault::invalid(format!("reads value {id}, which is not made before")))?;
        self.left = self.left.checked_sub(variables.len()).ok_or_else(too_much)?;
        Ok(variables)
    }

    /// Variables for an output: one, several for a list, none for one that is not made.
    fn make(&mut self, output: &Output, name: String, is_parameter: bool) -> Result<Vec<usize>, Fault> {
        let first = self.program.variables.len();
        let made: Vec<usize> = (first..first + output.tensors.len()).collect();
        self.bind(output.id, made.clone())?;
        for (type_, dims) in &output.tensors {
            let (name, type_, dims) = (name.clone(), *type_, dims.clone());
            self.program.variables.push(Variable { name, is_parameter, type_, dims });
        }
        Ok(made)
    }

    fn bind(&mut self, id: i64, variables: Vec<usize>) -> Result<(), Fault> {
        match self.values.insert(id, variables) {
            None if id > 0 => Ok(()),
            None => Err(Fault::invalid(format!("makes value {id}, expected a number above 0"))),
            Some(_) => Err(Fault::invalid(format!("makes value {id}, which is already made elsewhere"))),
        }
    }
}

fn short_enough(name: &str) -> Result<(), Fault> {
    if name.len() > MOST_NAME {
        return Err(Fault::unsupported(format!("a name of {} bytes, expected at most {MOST_NAME}", name.len())));
    }
    Ok(())
}

fn too_much() -> Fault {
    Fault::too_large("operators read more values than the file has bytes")
}

/// What a constant's variable holds, where it is an integer, a number or a list of integers.
fn known(name: &str, attributes: &[(String, Attribute)]) -> Option<Known> {
    let find = |wanted: &str| attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    match (name, find("value")?) {
        ("full_int_array", Attribute::Ints(values)) => Some(Known::Ints(values.clone())),
        ("fill_constant", value) => {
            match find("shape")? {
                Attribute::Ints(shape) if shape.iter().all(|&size| size == 1) => {}
                _ => return None,
            }
            let value = match value {
                Attribute::Float(value) => *value,
                Attribute::Int(value) => return Some(Known::Int(*value)),
                _ => return None,
            };
            let whole = matches!(text(attributes, "dtype").as_deref(), Some("int32" | "int64"));
            // Every whole number that an axis or a size can sensibly be is exact.
            Some(if whole && value.fract() == 0.0 { Known::Int(value as i64) } else { Known::Float(value) })
        }
        _ => None,
    }
}

fn text(attributes: &[(String, Attribute)], wanted: &str) -> Option<String> {
    attributes.iter().find_map(|(name, value)| match value {
        Attribute::Text(text) if name == wanted => Some(text.clone()),
        _ => None,
    })
}

/// An output: its number, and the tensors that it is, none where it is not made.
struct Output {
    id: i64,
    tensors: Vec<(Option<Type>, Option<Vec<i64>>)>,
}

fn inputs(map: &Map<String, Value>) -> Result<Vec<i64>, Fault> {
    let Some(list) = map.get("I") else { return Ok(Vec::new()) };
    let list = list.as_array().ok_or_else(|| Fault::invalid("I is no list of inputs"))?;
    list.iter().map(id).collect()
}

fn outputs(map: &Map<String, Value>) -> Result<Vec<Output>, Fault> {
    let list = match map.get("O") {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => return Err(Fault::invalid("O is no list of outputs")),
    };
    list.iter().map(|output| Ok(Output { id: id(output)?, tensors: tensors(output.get("TT")) })).collect()
}

fn id(value: &Value) -> Result<i64, Fault> {
    value.get("%").and_then(Value::as_i64).ok_or_else(|| Fault::invalid(format!("{} is no value", short(value))))
}

/// The start of what stands in the file, for a message.
fn short(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

fn tensors(type_: Option<&Value>) -> Vec<(Option<Type>, Option<Vec<i64>>)> {
    let tag = |value: &Value| value.get("#").and_then(Value::as_str).map(str::to_owned);
    let Some(type_) = type_ else { return vec![(None, None)] };
    match (tag(type_).as_deref(), type_.get("D")) {
        (Some("NULL"), _) => Vec::new(),
        (Some("0.t_vec"), Some(Value::Array(list))) => list.iter().flat_map(|one| tensors(Some(one))).collect(),
        (Some("0.t_dtensor"), Some(description)) => {
            let element = description.get(0).and_then(tag);
            let dims = description.get(1).and_then(Value::as_array);
            let dims = dims.and_then(|dims| dims.iter().map(Value::as_i64).collect());
            vec![(element.and_then(|tag| types::of_tag(&tag).ok()), dims)]
        }
        _ => vec![(None, None)],
    }
}

fn attributes(map: &Map<String, Value>) -> Result<Vec<(String, Attribute)>, Fault> {
    let Some(list) = map.get("A") else { return Ok(Vec::new()) };
    let list = list.as_array().ok_or_else(|| Fault::invalid("A is no list of attributes"))?;
    let attribute = |value: &Value| {
        let name = value.get("N").and_then(Value::as_str);
        let name = name.ok_or_else(|| Fault::invalid(format!("{} is no attribute", short(value))))?;
        let value = value.get("AT").ok_or_else(|| Fault::invalid(format!("attribute {name} has no value")))?;
        Ok((name.to_owned(), attribute(value)))
    };
    list.iter().map(attribute).collect()
}

fn attribute(value: &Value) -> Attribute {
    let tag = value.get("#").and_then(Value::as_str).unwrap_or("without a type");
    let data = value.get("D").unwrap_or(&Value::Null);
    let found = match tag {
        "0.a_bool" => data.as_bool().map(Attribute::Bool),
        "0.a_i32" | "0.a_i64" => data.as_i64().map(Attribute::Int),
        "0.a_f32" | "0.a_f64" => data.as_f64().map(Attribute::Float),
        "0.a_str" | "1.a_dtype" => data.as_str().map(|text| Attribute::Text(text.to_owned())),
        "1.a_intarray" => list(data, Value::as_i64).map(Attribute::Ints),
        "0.a_array" => array(data),
        _ => None,
    };
    found.unwrap_or_else(|| Attribute::Other(format!("{tag} {}", short(data))))
}

fn array(data: &Value) -> Option<Attribute> {
    let first = data.as_array()?.first();
    let tag = first.and_then(|first| first.get("#")?.as_str());
    match (first, tag) {
        (None, _) => Some(Attribute::Ints(Vec::new())),
        (_, Some("0.a_i32" | "0.a_i64")) => list(data, |value| value.get("D")?.as_i64()).map(Attribute::Ints),
        (_, Some("0.a_f32" | "0.a_f64")) => list(data, |value| value.get("D")?.as_f64()).map(Attribute::Floats),
        (_, Some("0.a_bool")) => list(data, |value| value.get("D")?.as_bool()).map(Attribute::Bools),
        (_, Some("0.a_str")) => list(data, |value| value.get("D")?.as_str().map(str::to_owned)).map(Attribute::Texts),
        _ => None,
    }
}

fn list<T>(data: &Value, of: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    data.as_array()?.iter().map(of).collect()
}
