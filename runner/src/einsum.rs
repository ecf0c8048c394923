//! `Einsum`: what an equation says of tensors, as loops.
//!
//! An element of the result is the sum of the products of the operands' elements over all labels that the result lacks.
//! These come together from the first index on, the labels in the order in which the operands name them, the last one
//! fastest; each product from the first operand on. Products and sums, which begin at 0, are rounded to f32 one by one.

use std::fmt;

use crate::error::Fault;
use crate::graph::shape::{self, MAX_RANK};
use crate::rearrange::Odometer;

/// The most operands.
pub(crate) const MOST: usize = 4;

/// The most products. A small file may claim any number: operands that share no label multiply.
const MOST_PRODUCTS: usize = 1 << 40;

/// What names an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    /// One of those that dots stand for, counted from the last.
    Dots(usize),
    Letter(char),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dots(_) => f.pad("..."),
            Self::Letter(letter) => letter.fmt(f),
        }
    }
}

/// A label with its size, and the distances between its elements in each operand.
#[derive(Clone, Copy, Debug)]
struct Axis {
    label: Label,
    size: usize,
    strides: [usize; MOST],
}

/// Axes as loops run over them.
#[derive(Default)]
struct Loop {
    shape: Vec<usize>,
    strides: [Vec<usize>; MOST],
}

pub(crate) struct Einsum {
    operands: usize,
    /// The shape of the result.
    output: Vec<usize>,
    /// The axes of the result but the last one.
    outer: Loop,
    /// The last one: its size and its distances.
    inner: (usize, [usize; MOST]),
    sums: Loop,
    /// Products of each sum.
    terms: usize,
}

impl Einsum {
    /// By an equation of tensors of such shapes.
    pub(crate) fn new(equation: &str, shapes: &[&[usize]]) -> Result<Self, Fault> {
        let (left, right) = match equation.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (equation, None),
        };
        let terms: Vec<&str> = left.split(',').collect();
        if terms.len() != shapes.len() || terms.len() > MOST {
            let (got, expected) = (shapes.len(), terms.len());
            return Err(Fault::invalid(format!(
                "equation \"{equation}\" is of {expected} operands, of which there are {got}, expected at most {MOST}"
            )));
        }
        let mut axes: Vec<Axis> = Vec::new();
        let mut names = Vec::new();
        for (operand, (term, shape)) in terms.into_iter().zip(shapes).enumerate() {
            let labels = labels(term, Some(shape.len()))?;
            for ((&label, &size), stride) in labels.iter().zip(*shape).zip(shape::strides(shape)) {
                add(&mut axes, label, size, operand, stride)?;
            }
            names.extend(labels);
        }
        let dots = axes.iter().filter(|axis| matches!(axis.label, Label::Dots(_))).count();
        let made = match right {
            Some(right) => labels(right, None)?.into_iter().flat_map(|label| expanded(label, dots)).collect(),
            None => named_once(&axes, &names),
        };
        let mut of_output = Vec::new();
        for (at, &label) in made.iter().enumerate() {
            let axis = axes.iter().find(|axis| axis.label == label).filter(|_| !made[..at].contains(&label));
            of_output.push(*axis.ok_or_else(|| {
                Fault::invalid(format!("equation \"{equation}\" makes {label}, expected labels of operands, each once"))
            })?);
        }
        let of_sums: Vec<Axis> = axes.iter().copied().filter(|axis| !made.contains(&axis.label)).collect();
        if of_sums.iter().any(|axis| matches!(axis.label, Label::Dots(_))) {
            return Err(Fault::invalid(format!("equation \"{equation}\" makes nothing of what its dots stand for")));
        }
        if of_sums.len().max(of_output.len()) > MAX_RANK {
            return Err(Fault::unsupported(format!("equation \"{equation}\" has more than {MAX_RANK} axes in a loop")));
        }
        let output: Vec<usize> = of_output.iter().map(|axis| axis.size).collect();
        let inner = of_output.pop().map_or((1, [0; MOST]), |axis| (axis.size, axis.strides));
        let (outer, sums) = (Loop::over(&of_output), Loop::over(&of_sums));
        let terms = shape::elements(&sums.shape)?;
        if shape::elements(&output)?.saturating_mul(terms) > MOST_PRODUCTS {
            return Err(Fault::too_large(format!("equation \"{equation}\" of {shapes:?} is of too many products")));
        }
        Ok(Self { operands: shapes.len(), output, outer, inner, sums, terms })
    }

    /// The shape of the result.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.output
    }

    /// Fills the result. The operands have the shapes that this was made for; there are none behind the last.
    pub(crate) fn run(&self, x: [&[f32]; MOST], y: &mut [f32]) {
        if y.is_empty() {
            return;
        }
        let mut row = Odometer::new(&self.outer.shape);
        for y in y.chunks_exact_mut(self.inner.0) {
            y.fill(0.0);
            let first = self.outer.offsets(&row);
            let mut sum = Odometer::new(&self.sums.shape);
            for _ in 0..self.terms {
                let offsets = self.sums.offsets(&sum);
                let place = |operand: usize| first[operand] + offsets[operand];
                self.add(std::array::from_fn(|operand| x[operand].get(place(operand)..).unwrap_or_default()), y);
                sum.advance();
            }
            row.advance();
        }
    }

    /// Adds one product to each element of a row.
    fn add(&self, x: [&[f32]; MOST], y: &mut [f32]) {
        let strides = self.inner.1;
        match (self.operands, strides) {
            (2, [0, 1, ..]) => y.iter_mut().zip(x[1]).for_each(|(y, b)| *y += x[0][0] * b),
            (2, [1, 0, ..]) => y.iter_mut().zip(x[0]).for_each(|(y, a)| *y += a * x[1][0]),
            _ => {
                for (at, y) in y.iter_mut().enumerate() {
                    let others = x[1..self.operands].iter().zip(&strides[1..]);
                    *y += others.fold(x[0][at * strides[0]], |product, (x, stride)| product * x[at * stride]);
                }
            }
        }
    }
}

impl Loop {
    fn over(axes: &[Axis]) -> Self {
        let strides = |operand: usize| axes.iter().map(|axis| axis.strides[operand]).collect();
        Self { shape: axes.iter().map(|axis| axis.size).collect(), strides: std::array::from_fn(strides) }
    }

    fn offsets(&self, at: &Odometer<'_>) -> [usize; MOST] {
        std::array::from_fn(|operand| at.offset(&self.strides[operand]))
    }
}

/// The labels of a term, with the dots as those axes of a tensor that no letter names; without one, as a single label.
fn labels(term: &str, rank: Option<usize>) -> Result<Vec<Label>, Fault> {
    let (mut labels, mut dots) = (Vec::new(), None);
    let mut rest = term.trim();
    while let Some(first) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("...").filter(|_| dots.is_none()) {
            dots = Some(labels.len());
            rest = behind;
        } else if first.is_ascii_alphabetic() || first == ' ' {
            labels.extend(first.is_ascii_alphabetic().then_some(Label::Letter(first)));
            rest = &rest[1..];
        } else {
            return Err(Fault::invalid(format!("\"{term}\" in an equation, expected letters and once three dots")));
        }
    }
    match (rank, dots) {
        (None, Some(at)) => labels.insert(at, Label::Dots(usize::MAX)),
        (None, None) => {}
        (Some(rank), dots) => {
            let unnamed = rank.checked_sub(labels.len()).filter(|&unnamed| unnamed == 0 || dots.is_some());
            let unnamed = unnamed
                .ok_or_else(|| Fault::invalid(format!("\"{term}\" in an equation is of a tensor of {rank} axes")))?;
            let at = dots.unwrap_or(0);
            labels.splice(at..at, (0..unnamed).rev().map(Label::Dots));
        }
    }
    Ok(labels)
}

/// A label of the result; dots as so many.
fn expanded(label: Label, dots: usize) -> Vec<Label> {
    match label {
        Label::Dots(_) => (0..dots).rev().map(Label::Dots).collect(),
        letter => vec![letter],
    }
}

/// The labels of a result that an equation does not name: what dots stand for, and the letters that stand once, in order.
fn named_once(axes: &[Axis], names: &[Label]) -> Vec<Label> {
    let once = |label: Label| names.iter().filter(|&&name| name == label).count() == 1;
    let dots = axes.iter().filter(|axis| matches!(axis.label, Label::Dots(_))).count();
    let mut letters: Vec<Label> =
        axes.iter().map(|axis| axis.label).filter(|&label| matches!(label, Label::Letter(_)) && once(label)).collect();
    letters.sort_unstable();
    (0..dots).rev().map(Label::Dots).chain(letters).collect()
}

/// Adds an axis of an operand to those of all; one of one element is repeated.
fn add(axes: &mut Vec<Axis>, label: Label, size: usize, operand: usize, stride: usize) -> Result<(), Fault> {
    let at = axes.iter().position(|axis| axis.label == label).unwrap_or_else(|| {
        axes.push(Axis { label, size: 1, strides: [0; MOST] });
        axes.len() - 1
    });
    let axis = &mut axes[at];
    if size == 1 {
        return Ok(());
    }
    if axis.size != 1 && axis.size != size {
        return Err(Fault::invalid(format!("{label} of an equation is of {size} elements and of {}", axis.size)));
    }
    axis.size = size;
    // Of a label that an operand has several times, the diagonal.
    axis.strides[operand] += stride;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(equation: &str, operands: &[(&[usize], &[f32])]) -> (Vec<usize>, Vec<f32>) {
        let shapes: Vec<&[usize]> = operands.iter().map(|(shape, _)| *shape).collect();
        let einsum = Einsum::new(equation, &shapes).unwrap();
        let mut y = vec![9.0; einsum.shape().iter().product()];
        einsum.run(std::array::from_fn(|at| operands.get(at).map_or(&[][..], |(_, x)| x)), &mut y);
        (einsum.shape().to_vec(), y)
    }

    const A: (&[usize], &[f32]) = (&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    const B: (&[usize], &[f32]) = (&[3, 2], &[1.0, -1.0, 0.5, 2.0, 0.0, 3.0]);
    const SQUARE: (&[usize], &[f32]) = (&[2, 2], &[1.0, 2.0, 3.0, 4.0]);

    #[test]
    fn one_operand() {
        assert_eq!(made("ij->ji", &[A]), (vec![3, 2], vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
        assert_eq!(made("ba", &[A]), made("ij->ji", &[A]));
        assert_eq!(made("ij->i", &[A]), (vec![2], vec![6.0, 15.0]));
        assert_eq!(made("ij->", &[A]), (vec![], vec![21.0]));
        assert_eq!(made("ii->i", &[SQUARE]), (vec![2], vec![1.0, 4.0]));
        assert_eq!(made("ii", &[SQUARE]), (vec![], vec![5.0]));
        assert_eq!(made("...i->...", &[A]), (vec![2], vec![6.0, 15.0]));
    }

    #[test]
    fn several_operands() {
        let product = (vec![2, 2], vec![2.0, 12.0, 6.5, 24.0]);
        assert_eq!(made("ik,kj->ij", &[A, B]), product);
        assert_eq!(made(" i k , k j ", &[A, B]), product);
        assert_eq!(made("...ik, ...kj -> ...ij", &[A, B]), product);
        assert_eq!(made("ij,ij->", &[A, A]), (vec![], vec![91.0]));
        assert_eq!(made("i,j->ij", &[(&[2], &[1.0, 2.0]), (&[2], &[3.0, 4.0])]).1, [3.0, 4.0, 6.0, 8.0]);
        assert_eq!(made("ij,jk,kl->il", &[SQUARE, SQUARE, SQUARE]).1, [37.0, 54.0, 81.0, 118.0]);
        // One element is repeated; nothing adds up to 0.
        assert_eq!(made("ij,ij->ij", &[A, (&[2, 1], &[1.0, -1.0])]).1, [1.0, 2.0, 3.0, -4.0, -5.0, -6.0]);
        let dots = made("...i,...i->...", &[A, (&[3], &[1.0, 0.0, -1.0])]);
        assert_eq!(dots, (vec![2], vec![-2.0, -2.0]));
        assert_eq!(made("ik,kj->ij", &[(&[2, 0], &[]), (&[0, 1], &[])]), (vec![2, 1], vec![0.0; 2]));
    }

    #[test]
    fn sums_go_in_the_order_of_the_labels() {
        // Only in this order does each small one vanish.
        let (small, one) = (5.960_464_5e-8, 1.0);
        assert_eq!(made("ij->", &[(&[2, 2], &[one, small, small, small])]).1, [1.0]);
        assert_eq!(made("ij->", &[(&[2, 2], &[small, small, small, one])]).1, [1.000_000_2]);
    }

    #[test]
    fn what_is_no_equation_is_named() {
        let told = |equation: &str, shapes: &[&[usize]]| Einsum::new(equation, shapes).err().unwrap().message;
        assert!(told("ij,jk", &[&[2, 3]]).contains("is of 2 operands, of which there are 1"));
        assert!(told("a,a,a,a,a", &[&[1][..]; 5]).contains("expected at most 4"));
        assert!(told("i", &[&[2, 3]]).contains("\"i\" in an equation is of a tensor of 2 axes"));
        assert!(told("ijk...", &[&[2, 3]]).contains("is of a tensor of 2 axes"));
        assert!(told("i......", &[&[2, 3]]).contains("expected letters and once three dots"));
        assert!(told("i1", &[&[2, 3]]).contains("expected letters"));
        assert!(told("i\u{e4}", &[&[2, 3]]).contains("expected letters"));
        assert!(told("ij,ij", &[&[2, 3], &[2, 4]]).contains("is of 4 elements and of 3"));
        assert!(told("ij->ijk", &[&[2, 3]]).contains("expected labels of operands, each once"));
        assert!(told("ij->ii", &[&[2, 3]]).contains("expected labels of operands, each once"));
        assert!(told("...i->i", &[&[2, 3]]).contains("makes nothing of what its dots stand for"));
        assert!(told("a,b,c,d->", &[&[1 << 11][..]; 4]).contains("is of too many products"));
        assert!(told("abcdefghi->", &[&[1; 9][..]]).contains("more than 8 axes in a loop"));
    }
}
