//! Sizes of inputs that a file leaves open: what they are is the caller's to say, before the passes.

use std::collections::HashMap;
use std::fmt;

use super::{Graph, Tensor, Type, shape};
use crate::error::{Error, Fault, Problems};

/// A size of an input, as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    /// The same for every run.
    Fixed(usize),
    /// Left open. Sizes of one name are equal; an empty name says nothing.
    Open(String),
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => write!(f, "{size}"),
            Self::Open(name) if name.is_empty() => f.write_str("?"),
            Self::Open(name) => f.write_str(name),
        }
    }
}

/// Sizes as a shape is written.
pub(super) fn written(sizes: &[Size]) -> String {
    let sizes: Vec<String> = sizes.iter().map(Size::to_string).collect();
    sizes.join(", ")
}

/// What the named sizes are, and the input that says so.
type Names<'a> = HashMap<&'a str, (usize, &'a str)>;

impl Tensor {
    /// Gives an input its sizes. Its shape is known at once where none is open.
    #[cfg(any(feature = "onnx", feature = "paddle"))]
    pub(crate) fn set_sizes(&mut self, sizes: Vec<Size>) -> Result<(), Fault> {
        let least = sizes.iter().map(|size| if let Size::Fixed(size) = *size { size } else { 1 }).collect::<Vec<_>>();
        shape::bytes(&least, self.type_.map_or(1, Type::size))?;
        let open = sizes.iter().any(|size| matches!(size, Size::Open(_)));
        (self.shape, self.sizes) = if open { (None, sizes) } else { (Some(least), Vec::new()) };
        Ok(())
    }

    /// Whether the tensor may have a shape, by the sizes that its file fixes.
    fn fits(&self, shape: &[usize]) -> Result<(), Fault> {
        let fixed: Vec<Size> = self.shape.iter().flatten().map(|&size| Size::Fixed(size)).collect();
        let sizes = if self.sizes.is_empty() { &fixed } else { &self.sizes };
        let fits = |(expected, size): (&Size, &usize)| match expected {
            Size::Fixed(expected) => expected == size,
            Size::Open(_) => true,
        };
        if sizes.len() != shape.len() || !sizes.iter().zip(shape).all(fits) {
            return Err(Fault::invalid(format!("has the shape [{}], not {shape:?}", written(sizes))));
        }
        shape::bytes(shape, self.type_.map_or(1, Type::size)).map(|_| ())
    }
}

impl Graph {
    /// The index among the inputs of the one of a name.
    pub fn input_named(&self, name: &str) -> Option<usize> {
        self.inputs.iter().position(|&id| self.tensor(id).name == name)
    }

    /// Whether an input has open sizes and no shape yet.
    pub fn is_open(&self, input: usize) -> bool {
        self.inputs.get(input).is_some_and(|&id| !self.tensor(id).sizes.is_empty() && self.tensor(id).shape.is_none())
    }

    /// Says which shape an input has, where its file leaves sizes open. It has to fit what the file says, and the shapes
    /// that were given to other inputs with sizes of the same names. After the passes all shapes are fixed.
    pub fn set_input_shape(&mut self, input: usize, shape: &[usize]) -> Result<(), Error> {
        let Some(&id) = self.inputs.get(input) else {
            let message = format!("the network has {} inputs", self.inputs.len());
            return Err(Error::Tensor { name: format!("input {input}"), message });
        };
        let mut given = self.given();
        given[input] = Some(shape);
        let names = self.tensor(id).fits(shape).and_then(|()| self.names(&given).map(|_| ()));
        names.map_err(|fault| Error::Tensor { name: self.tensor(id).name.clone(), message: fault.message })?;
        self.tensor_mut(id).shape = Some(shape.to_vec());
        Ok(())
    }

    /// The shape that an input has where an array of this shape has any number of its tensors, one after the other along
    /// the first axis: the first size is as the file or other inputs have it, or 1.
    pub(crate) fn shape_of_one(&self, input: usize, several: &[usize]) -> Vec<usize> {
        let mut one = several.to_vec();
        let sizes = self.inputs.get(input).map_or(&[][..], |&id| &self.tensor(id).sizes);
        if let (Some(first), Some(size)) = (one.first_mut(), sizes.first()) {
            *first = match size {
                Size::Fixed(size) => *size,
                Size::Open(name) => {
                    let names = self.names(&self.given()).ok();
                    names.and_then(|names| names.get(name.as_str()).map(|&(size, _)| size)).unwrap_or(1)
                }
            };
        }
        one
    }

    /// What was given so far.
    fn given(&self) -> Vec<Option<&[usize]>> {
        self.inputs.iter().map(|&id| self.tensor(id).shape.as_deref()).collect()
    }

    /// The sizes that are named in inputs with a shape.
    fn names(&self, given: &[Option<&[usize]>]) -> Result<Names<'_>, Fault> {
        let mut names = Names::new();
        for (&id, shape) in self.inputs.iter().zip(given) {
            let tensor = self.tensor(id);
            for (axis, (size, &is)) in tensor.sizes.iter().zip(shape.iter().copied().flatten()).enumerate() {
                let Size::Open(name) = size else { continue };
                let &mut (was, other) = names.entry(name).or_insert((is, &tensor.name));
                if was != is && !name.is_empty() {
                    return Err(Fault::invalid(format!(
                        "the size \"{name}\" is {was} in input \"{other}\", but {is} in input \"{}\" (axis {axis})",
                        tensor.name
                    )));
                }
            }
        }
        names.remove("");
        Ok(names)
    }

    /// The shape of each input, where some are given: the others are as the names of their sizes say, and a first size of
    /// which nothing is known is 1, the batch. Nothing for an input that has a problem.
    pub(crate) fn input_shapes(&self, given: &[Option<&[usize]>], problems: &mut Problems) -> Vec<Option<Vec<usize>>> {
        let place = |tensor: &Tensor| format!("input \"{}\"", tensor.name);
        let tensors: Vec<&Tensor> = self.inputs.iter().map(|&id| self.tensor(id)).collect();
        for (tensor, shape) in tensors.iter().zip(given) {
            if let Some(Err(fault)) = shape.map(|shape| tensor.fits(shape)) {
                problems.push(fault.at(place(tensor)));
            }
        }
        let mut names = match self.names(given) {
            Ok(names) => names,
            Err(fault) => {
                problems.push(fault.at("inputs"));
                return vec![None; tensors.len()];
            }
        };
        for (tensor, _) in tensors.iter().zip(given).filter(|(_, given)| given.is_none()) {
            if let Some(Size::Open(name)) = tensor.sizes.first().filter(|size| **size != Size::Open(String::new())) {
                names.entry(name).or_insert((1, &tensor.name));
            }
        }
        let mut shape = |(tensor, given): (&&Tensor, &Option<&[usize]>)| {
            if given.is_some() || tensor.sizes.is_empty() {
                return given.map(<[usize]>::to_vec);
            }
            let named = named(&tensor.sizes, &names).and_then(|shape| tensor.fits(&shape).map(|()| shape));
            named.map_err(|fault| problems.push(fault.at(place(tensor)))).ok()
        };
        tensors.iter().zip(given).map(&mut shape).collect()
    }

    /// Gives each input its shape, as far as it is known, for good.
    pub(crate) fn settle(&mut self, problems: &mut Problems) {
        let shapes = self.input_shapes(&self.given(), problems);
        for (at, shape) in shapes.into_iter().enumerate() {
            let tensor = self.tensor_mut(self.inputs[at]);
            tensor.shape = shape;
            tensor.sizes.clear();
        }
    }
}

/// The shape that names give.
fn named(sizes: &[Size], names: &Names<'_>) -> Result<Vec<usize>, Fault> {
    let size = |(axis, size): (usize, &Size)| match size {
        Size::Fixed(size) => Ok(*size),
        Size::Open(name) => match names.get(name.as_str()) {
            Some(&(size, _)) => Ok(size),
            None if axis == 0 => Ok(1),
            None => Err(Fault::unsupported(format!(
                "the size of axis {axis} (\"{name}\") is left open, which only the first may be: give the input a shape \
                 (--shape, Graph::set_input_shape) instead of [{}]",
                written(sizes)
            ))),
        },
    };
    sizes.iter().enumerate().map(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A graph with inputs of these sizes; a word is a name, and `?` has none.
    fn graph(inputs: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::default();
        for (name, sizes) in inputs {
            let size = |size: &str| match size.parse() {
                Ok(size) => Size::Fixed(size),
                Err(_) => Size::Open(size.replace('?', "")),
            };
            let mut tensor = Tensor { type_: Some(Type::F32), ..Tensor::named(*name) };
            tensor.set_sizes(sizes.split(',').map(size).collect()).unwrap();
            let id = graph.add(tensor);
            graph.inputs.push(id);
        }
        graph
    }

    fn settled(mut graph: Graph) -> (Vec<Option<Vec<usize>>>, String) {
        let mut problems = Problems::default();
        graph.settle(&mut problems);
        let shapes = graph.inputs.iter().map(|&id| graph.tensor(id).shape.clone()).collect();
        (shapes, problems.to_string())
    }

    #[test]
    fn a_first_size_that_is_open_is_one() {
        for open in ["?", "n"] {
            let graph = graph(&[("x", &format!("{open},3")), ("y", "2,4")]);
            assert!(graph.is_open(0) && !graph.is_open(1) && !graph.is_open(2));
            assert_eq!(settled(graph), (vec![Some(vec![1, 3]), Some(vec![2, 4])], String::new()));
        }
    }

    #[test]
    fn an_array_of_several_tensors_gives_all_sizes_but_the_first() {
        let mut graph = graph(&[("x", "n,t"), ("y", "n,3,?"), ("z", "?,5"), ("fixed", "4,?")]);
        assert_eq!(graph.shape_of_one(0, &[360, 7]), [1, 7]);
        assert_eq!(graph.shape_of_one(2, &[360, 5]), [1, 5]);
        assert_eq!(graph.shape_of_one(3, &[360, 5]), [4, 5]);
        assert!(graph.shape_of_one(0, &[]).is_empty());
        graph.set_input_shape(0, &[8, 7]).unwrap();
        assert_eq!(graph.shape_of_one(1, &[360, 3, 2]), [8, 3, 2]);
    }

    #[test]
    fn others_have_to_be_given() {
        let open = graph(&[("x", "1,n,?"), ("y", "3")]);
        let (shapes, told) = settled(open.clone());
        assert_eq!(shapes, [None, Some(vec![3])]);
        let expected = "unsupported: input \"x\": the size of axis 1 (\"n\") is left open, which only the first may be: \
                        give the input a shape (--shape, Graph::set_input_shape) instead of [1, n, ?]";
        assert_eq!(told, expected);
        let mut given = open;
        given.set_input_shape(0, &[1, 5, 6]).unwrap();
        assert!(!given.is_open(0));
        // The last word counts.
        given.set_input_shape(0, &[1, 7, 0]).unwrap();
        assert_eq!(settled(given), (vec![Some(vec![1, 7, 0]), Some(vec![3])], String::new()));
    }

    #[test]
    fn a_shape_fits_rank_and_fixed_sizes() {
        let mut graph = graph(&[("x", "n,3,?"), ("y", "2,2")]);
        for (input, shape, expected) in [
            (0, &[1, 3][..], "x: has the shape [n, 3, ?], not [1, 3]"),
            (0, &[1, 4, 5], "x: has the shape [n, 3, ?], not [1, 4, 5]"),
            (1, &[2, 3], "y: has the shape [2, 2], not [2, 3]"),
            (2, &[1], "input 2: the network has 2 inputs"),
        ] {
            assert_eq!(graph.set_input_shape(input, shape).unwrap_err().to_string(), expected);
        }
        let huge = graph.set_input_shape(0, &[usize::MAX, 3, 2]).unwrap_err().to_string();
        assert!(huge.contains("more than the address space"), "{huge}");
        assert!(graph.is_open(0), "what was refused is not kept");
        graph.set_input_shape(1, &[2, 2]).unwrap();
    }

    #[test]
    fn sizes_of_one_name_are_equal() {
        let open = graph(&[("ids", "batch,sequence"), ("mask", "batch,sequence"), ("square", "side,side")]);
        let mut given = open.clone();
        given.set_input_shape(2, &[4, 4]).unwrap();
        given.set_input_shape(0, &[2, 7]).unwrap();
        assert_eq!(settled(given.clone()).0, [Some(vec![2, 7]), Some(vec![2, 7]), Some(vec![4, 4])]);
        let told = given.set_input_shape(1, &[2, 8]).unwrap_err().to_string();
        assert_eq!(told, "mask: the size \"sequence\" is 7 in input \"ids\", but 8 in input \"mask\" (axis 1)");
        let told = given.set_input_shape(2, &[4, 5]).unwrap_err().to_string();
        assert_eq!(told, "square: the size \"side\" is 4 in input \"square\", but 5 in input \"square\" (axis 1)");
        // A batch of 1 is that of all inputs.
        let (shapes, told) = settled(graph(&[("x", "3,n"), ("y", "n")]));
        assert_eq!((shapes, told.as_str()), (vec![Some(vec![3, 1]), Some(vec![1])], ""));
    }

    #[test]
    fn named_sizes_that_overflow_are_told() {
        let mut graph = graph(&[("x", "n"), ("y", "n,n,n")]);
        graph.set_input_shape(0, &[1 << 30]).unwrap();
        let (shapes, told) = settled(graph);
        assert_eq!(shapes, [Some(vec![1 << 30]), None]);
        assert!(told.starts_with("size overflow: input \"y\""), "{told}");
    }

    #[test]
    fn what_is_settled_is_fixed() {
        let mut graph = graph(&[("x", "n,3")]);
        graph.settle(&mut Problems::default());
        assert!(graph.set_input_shape(0, &[2, 3]).is_err());
        graph.set_input_shape(0, &[1, 3]).unwrap();
    }
}
