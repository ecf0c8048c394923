//! Small graphs of float operators between quantisers and dequantisers, as chance has them, and what goes into them.

use zeropoint_runner::graph::Data;

use super::{Attribute, Builder, F32, I8, Random, U8, float, int, ints};

const U16: i32 = 4;
const I16: i32 = 5;

/// A tensor of floats that operators may read.
#[derive(Clone, Debug)]
struct Value {
    name: String,
    shape: Vec<i64>,
    /// About the greatest magnitude.
    range: f32,
    /// What it was dequantised by, if it was.
    pair: Option<Pair>,
    /// It is below a product of floats, whose rounding depends on how it is computed.
    rounded: bool,
}

/// How integers stand for floats.
#[derive(Clone, Debug)]
struct Pair {
    type_: i32,
    scales: Vec<f32>,
    /// Scale and zero point as operands.
    operands: String,
    axis: Vec<Attribute>,
}

/// A graph under construction.
pub(crate) struct RandomGraph {
    pub(crate) model: Builder,
    pub(crate) inputs: Vec<Data>,
    random: Random,
    values: Vec<Value>,
    /// Integers: names, types, shapes and whether they are below a product.
    integers: Vec<(String, i32, Vec<i64>, bool)>,
    names: usize,
    /// What most pairs are of: operators on integers want one type.
    usual: i32,
    /// Whether each output's value is below a product.
    pub(crate) rounded: Vec<bool>,
}

fn elements(shape: &[i64]) -> usize {
    shape.iter().map(|&size| usize::try_from(size).unwrap()).product()
}

impl RandomGraph {
    /// A graph that depends on the seed alone. Up to `products` convolutions and matrix products are in it; what is behind
    /// one is only moved, clamped, and quantised once, so that a difference of one step stays one.
    pub(crate) fn new(seed: u64, products: usize) -> Self {
        let mut graph = Self {
            model: Builder::new(21),
            inputs: Vec::new(),
            random: Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            values: Vec::new(),
            integers: Vec::new(),
            names: 0,
            usual: U8,
            rounded: Vec::new(),
        };
        // The first numbers of neighbouring seeds are alike.
        for _ in 0..8 {
            graph.random.next();
        }
        graph.usual = if graph.chance(50) { U8 } else { I8 };
        for _ in 0..1 + graph.below(2) {
            graph.input();
        }
        let steps = 3 + graph.below(7);
        let mut left = products;
        for step in 0..steps {
            let at = graph.pick();
            if left > 0 && !graph.values[at].rounded && (step + left >= steps || graph.below(3) == 0) {
                left -= 1;
                graph.product(at);
            } else {
                graph.operator(at);
            }
            let last = graph.values.len() - 1;
            match graph.below(10) {
                0..7 => graph.pair(last),
                7 => {
                    graph.pair(last);
                    // Another reader of the same floats, by other parameters or the same.
                    graph.pair(last);
                }
                _ => {}
            }
        }
        graph.outputs();
        graph
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.below(end)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what}{}", self.names)
    }

    fn edit(&mut self, change: impl FnOnce(Builder) -> Builder) {
        self.model = change(self.model.clone());
    }

    /// From -1 to 1.
    fn unit(&mut self) -> f32 {
        (self.below(2001) as f32 - 1000.0) / 1000.0
    }

    fn pick(&mut self) -> usize {
        // Rather one of the last, so that graphs are deep.
        let near = self.below(3);
        if near == 0 { self.below(self.values.len()) } else { self.values.len() - 1 }
    }

    fn push(&mut self, name: &str, shape: Vec<i64>, range: f32, rounded: bool) {
        self.values.push(Value { name: name.into(), shape, range, pair: None, rounded });
    }

    fn floats(&mut self, shape: &[i64], values: Vec<f32>) -> String {
        let name = self.name("c");
        self.edit(|model| model.constant(&name, shape, Data::F32(values)));
        name
    }

    fn sizes(&mut self, values: &[i64]) -> String {
        let name = self.name("n");
        let shape = [i64::try_from(values.len()).unwrap()];
        self.edit(|model| model.constant(&name, &shape, Data::I64(values.to_vec())));
        name
    }

    fn input(&mut self) {
        let name = self.name("x");
        let shape = match self.below(4) {
            0 => vec![2, 6],
            1 => vec![1, 4, 5, 3],
            2 => vec![2, 3, 4, 4],
            _ => vec![1, 2, 6, 6],
        };
        let count = elements(&shape);
        if self.chance(40) {
            let u8s = self.chance(50);
            let bytes: Vec<u8> = (0..count).map(|_| self.random.u8()).collect();
            let (type_, data) = match u8s {
                true => (U8, Data::U8(bytes)),
                false => (I8, Data::I8(bytes.iter().map(|byte| byte.cast_signed()).collect())),
            };
            self.edit(|model| model.input(&name, type_, &shape));
            self.inputs.push(data);
            let scales = vec![self.scale(4.0)];
            let pair = self.parameters(type_, scales, None);
            self.dequantize(&name, pair, shape, 4.0, false);
            return;
        }
        // Multiples of small powers of two are ties of others.
        let tied = self.chance(50);
        let values = (0..count).map(|_| {
            let value = 4.0 * self.unit();
            if tied { (value * 32.0).round() / 32.0 } else { value }
        });
        let values = Data::F32(values.collect());
        self.inputs.push(values);
        self.edit(|model| model.input(&name, F32, &shape));
        self.push(&name, shape, 4.0, false);
        let last = self.values.len() - 1;
        self.pair(last);
    }

    /// A scale by which floats up to a magnitude fill most of 8 bits, or too much of them.
    fn scale(&mut self, range: f32) -> f32 {
        let scale = range.max(1e-3) / 128.0 * (0.4 + self.below(100) as f32 / 80.0);
        if self.chance(50) { 2.0f32.powi(scale.log2().round() as i32) } else { scale }
    }

    /// Constants of scales and zero points.
    fn parameters(&mut self, type_: i32, scales: Vec<f32>, axis: Option<usize>) -> Pair {
        let count = [i64::try_from(scales.len()).unwrap()];
        let shape: &[i64] = if axis.is_none() && self.chance(80) { &[] } else { &count };
        let scale = self.floats(shape, scales.clone());
        let zero = self.name("z");
        // Often 0, and else anything.
        let around = self.chance(40);
        let mut points = |low: i64, count: usize| -> Vec<i64> {
            let one = |random: &mut Random| if around { 0 } else { low + random.below(count) as i64 };
            scales.iter().map(|_| one(&mut self.random)).collect()
        };
        let data = match type_ {
            U8 => Data::U8(points(0, 256).into_iter().map(|value| value as u8).collect()),
            I8 => Data::I8(points(-128, 256).into_iter().map(|value| value as i8).collect()),
            U16 => Data::U16(points(0, 500).into_iter().map(|value| value as u16).collect()),
            _ => Data::I16(points(-250, 500).into_iter().map(|value| value as i16).collect()),
        };
        self.edit(|model| model.constant(&zero, shape, data));
        let axis = axis.map(|axis| int("axis", i64::try_from(axis).unwrap())).into_iter().collect();
        Pair { type_, scales, operands: format!("{scale} {zero}"), axis }
    }

    fn dequantize(&mut self, integers: &str, pair: Pair, shape: Vec<i64>, range: f32, rounded: bool) {
        let name = self.name("f");
        let operands = format!("{integers} {}", pair.operands);
        self.edit(|model| model.node("DequantizeLinear", &operands, &name, pair.axis.clone()));
        self.push(&name, shape, range, rounded);
        self.values.last_mut().unwrap().pair = Some(pair);
    }

    /// New parameters for a value, or those of another one that had only one scale.
    fn pair_for(&mut self, value: &Value) -> Pair {
        let known: Vec<&Pair> =
            self.values.iter().filter_map(|value| value.pair.as_ref()).filter(|pair| pair.axis.is_empty()).collect();
        if !known.is_empty() && self.random.below(4) == 0 {
            return known[self.random.below(known.len())].clone();
        }
        let type_ = match self.below(20) {
            0 => U16,
            1 => I16,
            2 | 3 => U8,
            4 | 5 => I8,
            _ => self.usual,
        };
        if value.shape.len() < 2 || !self.chance(8) {
            let scales = vec![self.scale(value.range)];
            return self.parameters(type_, scales, None);
        }
        let axis = self.below(value.shape.len());
        let scales = (0..value.shape[axis]).map(|_| self.scale(value.range)).collect();
        self.parameters(type_, scales, Some(axis))
    }

    /// Quantises floats, and dequantises the integers once or twice.
    fn pair(&mut self, at: usize) {
        let value = self.values[at].clone();
        if value.rounded && self.integers.iter().any(|(.., rounded)| *rounded) {
            // By one more scale a step could become several.
            return;
        }
        let pair = self.pair_for(&value);
        let name = self.name("q");
        let operands = format!("{} {}", value.name, pair.operands);
        self.edit(|model| model.node("QuantizeLinear", &operands, &name, pair.axis.clone()));
        self.integers.push((name.clone(), pair.type_, value.shape.clone(), value.rounded));
        let copies = if self.chance(20) { 2 } else { 1 };
        for _ in 0..copies {
            self.dequantize(&name, pair.clone(), value.shape.clone(), value.range, value.rounded);
        }
    }

    /// An operator whose results are floats of its own definition. Behind a product only such as keep steps apart.
    fn operator(&mut self, at: usize) {
        let value = self.values[at].clone();
        let choice = if value.rounded { self.below(10) } else { self.below(21) };
        match choice {
            0 => self.unary(&value, "Relu", vec![], value.range),
            1 | 2 => self.clip(&value),
            3 => self.reshape(&value),
            4 | 5 => self.transpose(&value),
            6 => self.slice(&value),
            7 => self.split(&value),
            8 => self.pad(&value),
            9 => self.pool(&value, "MaxPool"),
            10 => self.pool(&value, "AveragePool"),
            11 => self.pool(&value, "GlobalAveragePool"),
            12 => self.unary(&value, "LeakyRelu", vec![float("alpha", 0.125)], value.range),
            13 => self.unary(&value, "Sigmoid", vec![], 1.0),
            14 => self.unary(&value, "HardSwish", vec![], value.range),
            15 => self.unary(&value, "Tanh", vec![], 1.0),
            16 | 17 => self.binary(&value, "Add"),
            18 => self.binary(&value, "Mul"),
            _ => self.concat(&value),
        }
    }

    fn made(
        &mut self,
        op: &str,
        operands: &str,
        attributes: Vec<Attribute>,
        from: &Value,
        shape: Vec<i64>,
        range: f32,
    ) {
        let name = self.name("t");
        self.edit(|model| model.node(op, operands, &name, attributes));
        self.push(&name, shape, range, from.rounded);
    }

    fn unary(&mut self, value: &Value, op: &str, attributes: Vec<Attribute>, range: f32) {
        self.made(op, &value.name, attributes, value, value.shape.clone(), range);
    }

    fn clip(&mut self, value: &Value) {
        let (a, b) = (self.unit() * value.range, self.unit() * value.range);
        let (low, high) = if self.chance(10) { (a.max(b), a.min(b)) } else { (a.min(b), a.max(b)) };
        let (low, high) = (self.floats(&[], vec![low]), self.floats(&[], vec![high]));
        let bounds = match self.below(4) {
            0 => low,
            1 => format!("- {high}"),
            _ => format!("{low} {high}"),
        };
        self.made("Clip", &format!("{} {bounds}", value.name), vec![], value, value.shape.clone(), value.range);
    }

    fn reshape(&mut self, value: &Value) {
        let count = i64::try_from(elements(&value.shape)).unwrap();
        let first = value.shape[0];
        if self.chance(30) {
            let (op, shape) = ("Flatten", vec![first, count / first]);
            return self.made(op, &value.name, vec![int("axis", 1)], value, shape, value.range);
        }
        let shape = match self.below(4) {
            0 => vec![first, count / first],
            1 => vec![first, 1, count / first, 1],
            2 => vec![first, count / first, 1, 1],
            _ if count % 2 == 0 => vec![1, 2, count / 2, 1],
            _ => vec![count, 1],
        };
        let to = self.sizes(&shape);
        self.made("Reshape", &format!("{} {to}", value.name), vec![], value, shape, value.range);
    }

    fn transpose(&mut self, value: &Value) {
        let mut order: Vec<i64> = (0..value.shape.len() as i64).collect();
        for last in (1..order.len()).rev() {
            let other = self.below(last + 1);
            order.swap(last, other);
        }
        let shape = order.iter().map(|&axis| value.shape[axis as usize]).collect();
        self.made("Transpose", &value.name, vec![ints("perm", &order)], value, shape, value.range);
    }

    fn slice(&mut self, value: &Value) {
        let axis = self.below(value.shape.len());
        let size = value.shape[axis];
        let mut shape = value.shape.clone();
        let (start, end, step) = match self.below(3) {
            0 => (-1, i64::MIN, -1),
            1 => (0, size, 2),
            _ => (size / 3, size, 1),
        };
        shape[axis] = match step {
            -1 => size,
            2 => (size + 1) / 2,
            _ => size - size / 3,
        };
        let axis = axis as i64;
        let operands = [start, end, axis, step].map(|value| self.sizes(&[value])).join(" ");
        self.made("Slice", &format!("{} {operands}", value.name), vec![], value, shape, value.range);
    }

    fn split(&mut self, value: &Value) {
        let axis = self.below(value.shape.len());
        let size = value.shape[axis];
        if size < 2 {
            return self.transpose(value);
        }
        let first = 1 + self.below(size as usize - 1) as i64;
        let parts = self.sizes(&[first, size - first]);
        let names = [self.name("s"), self.name("s")];
        let operands = format!("{} {parts}", value.name);
        let outputs = names.each_ref().map(String::as_str);
        self.edit(|model| model.results("Split", &operands, &outputs, vec![int("axis", axis as i64)]));
        for (name, part) in names.iter().zip([first, size - first]) {
            let mut shape = value.shape.clone();
            shape[axis] = part;
            self.push(name, shape, value.range, value.rounded);
        }
    }

    fn pad(&mut self, value: &Value) {
        let rank = value.shape.len();
        let pads: Vec<i64> = (0..2 * rank).map(|_| self.below(6).saturating_sub(3) as i64).collect();
        let shape = (0..rank).map(|axis| value.shape[axis] + pads[axis] + pads[rank + axis]).collect();
        let pads = self.sizes(&pads);
        let around = if self.chance(60) { 0.0 } else { self.unit() };
        let around = self.floats(&[], vec![around]);
        self.made("Pad", &format!("{} {pads} {around}", value.name), vec![], value, shape, value.range);
    }

    fn pool(&mut self, value: &Value, op: &str) {
        if value.shape.len() != 4 {
            return self.unary(value, "Relu", vec![], value.range);
        }
        let mut shape = value.shape.clone();
        if op == "GlobalAveragePool" {
            (shape[2], shape[3]) = (1, 1);
            return self.made(op, &value.name, vec![], value, shape, value.range);
        }
        let kernel = [2.min(shape[2]), 2.min(shape[3])];
        let stride = 1 + self.below(2) as i64;
        let pad = i64::from(kernel == [2, 2] && self.chance(30));
        for axis in 0..2 {
            shape[2 + axis] = (shape[2 + axis] + pad - kernel[axis]) / stride + 1;
        }
        let mut attributes =
            vec![ints("kernel_shape", &kernel), ints("strides", &[stride; 2]), ints("pads", &[pad, pad, 0, 0])];
        if op == "AveragePool" {
            attributes.push(int("count_include_pad", i64::from(self.chance(50))));
        }
        self.made(op, &value.name, attributes, value, shape, value.range);
    }

    fn binary(&mut self, value: &Value, op: &str) {
        let alike = |other: &&Value| other.shape == value.shape && !other.rounded;
        let others: Vec<Value> = self.values.iter().filter(alike).cloned().collect();
        let (other, range) = if self.chance(25) {
            let constant = self.unit();
            if self.chance(50) {
                (self.floats(&[], vec![constant]), 1.0)
            } else {
                let last = *value.shape.last().unwrap();
                let values = (0..last).map(|_| self.unit()).collect();
                (self.floats(&[last], values), 1.0)
            }
        } else {
            let other = &others[self.below(others.len())];
            (other.name.clone(), other.range)
        };
        let range = if op == "Add" { value.range + range } else { value.range * range };
        let operands =
            if self.chance(50) { format!("{} {other}", value.name) } else { format!("{other} {}", value.name) };
        self.made(op, &operands, vec![], value, value.shape.clone(), range);
    }

    fn concat(&mut self, value: &Value) {
        let axis = self.below(value.shape.len());
        let fits = |other: &&Value| {
            let same = |at: usize| at == axis || other.shape[at] == value.shape[at];
            !other.rounded && other.shape.len() == value.shape.len() && (0..value.shape.len()).all(same)
        };
        let others: Vec<Value> = self.values.iter().filter(fits).cloned().collect();
        let other = &others[self.below(others.len())];
        let mut shape = value.shape.clone();
        shape[axis] += other.shape[axis];
        let operands = format!("{} {}", value.name, other.name);
        self.made("Concat", &operands, vec![int("axis", axis as i64)], value, shape, value.range.max(other.range));
    }

    /// A convolution of images, or a product of matrices, with constant weights between a pair.
    fn product(&mut self, at: usize) {
        let value = self.values[at].clone();
        let images = value.shape.len() == 4;
        let outputs = 1 + self.below(5) as i64;
        let (op, mut attributes, weights, channel_axis, depth, shape) = if images {
            let groups = if self.chance(25) { value.shape[1] } else { 1 };
            let outputs = outputs * groups;
            let kernel = [self.below(3).min(value.shape[2] as usize - 1) as i64 + 1, 1];
            let weights = vec![outputs, value.shape[1] / groups, kernel[0], kernel[1]];
            let depth = weights[1] * kernel[0];
            let shape = vec![value.shape[0], outputs, value.shape[2] - kernel[0] + 1, value.shape[3]];
            ("Conv", vec![int("group", groups)], weights, 0, depth, shape)
        } else {
            let (rows, depth) = (value.shape[0], value.shape[1]);
            match self.below(3) {
                0 => ("MatMul", vec![], vec![depth, outputs], 1, depth, vec![rows, outputs]),
                1 => ("Gemm", vec![int("transB", 1)], vec![outputs, depth], 0, depth, vec![rows, outputs]),
                _ => ("Gemm", vec![], vec![depth, outputs], 1, depth, vec![rows, outputs]),
            }
        };
        if op == "Gemm" && self.chance(15) {
            attributes.push(float("alpha", 0.5));
        }
        // Scales of outputs, of inputs now and then, or one.
        let axis = match self.below(10) {
            0..5 => None,
            5..9 => Some(channel_axis),
            _ => Some(1 - channel_axis),
        };
        let count = axis.map_or(1, |axis: usize| weights[axis] as usize);
        let scales: Vec<f32> = (0..count).map(|_| self.scale(1.0)).collect();
        let signed = self.chance(70);
        let bytes: Vec<u8> = (0..elements(&weights)).map(|_| self.random.u8()).collect();
        let (type_, data) = match signed {
            true => (I8, Data::I8(bytes.iter().map(|byte| byte.cast_signed().max(-127)).collect())),
            false => (U8, Data::U8(bytes)),
        };
        let (w, floats) = (self.name("w"), self.name("wf"));
        let pair = self.parameters(type_, scales.clone(), axis);
        self.edit(|model| {
            let model = model.constant(&w, &weights, data);
            model.node("DequantizeLinear", &format!("{w} {}", pair.operands), &floats, pair.axis)
        });
        let mut operands = format!("{} {floats}", value.name);
        let range = value.range * depth as f32;
        let columns = shape[1];
        if op != "MatMul" && self.chance(70) {
            let bias = self.bias(&value, &scales, axis == Some(channel_axis), columns, range);
            operands = format!("{operands} {bias}");
        }
        let name = self.name("p");
        self.edit(|model| model.node(op, &operands, &name, attributes));
        self.push(&name, shape, range, true);
        if op == "Conv" {
            self.behind_convolution(columns, range);
        }
    }

    /// What is added to each channel, or normalises it, now and then.
    fn behind_convolution(&mut self, channels: i64, range: f32) {
        let value = self.values.last().unwrap().clone();
        let each = |graph: &mut Self, low: f32, high: f32| {
            let values = (0..channels).map(|_| low + (high - low) * graph.unit().abs()).collect();
            graph.floats(&[channels], values)
        };
        match self.below(5) {
            0 => {
                let values = (0..channels).map(|_| self.unit() * range / 4.0).collect();
                let added = self.floats(&[channels, 1, 1], values);
                self.made("Add", &format!("{added} {}", value.name), vec![], &value, value.shape.clone(), range);
            }
            1 => {
                let gamma = each(self, 0.5, 1.5);
                let (beta, mean) = (each(self, -range / 4.0, range / 4.0), each(self, -range / 4.0, range / 4.0));
                let variance = each(self, 0.5, 2.0);
                let operands = format!("{} {gamma} {beta} {mean} {variance}", value.name);
                self.made("BatchNormalization", &operands, vec![], &value, value.shape.clone(), range);
            }
            _ => {}
        }
    }

    /// A bias of floats, or of s32 whose scale is that of the sums, or nearly.
    fn bias(&mut self, value: &Value, scales: &[f32], by_output: bool, outputs: i64, range: f32) -> String {
        let x = value.pair.as_ref().filter(|pair| pair.axis.is_empty()).map(|pair| pair.scales[0]);
        let Some(x) = x.filter(|_| (scales.len() == 1 || by_output) && self.random.below(3) > 0) else {
            let values = (0..outputs).map(|_| self.unit() * range / 4.0).collect();
            return self.floats(&[outputs], values);
        };
        let off = if self.chance(15) { 1.5 } else { 1.0 };
        let units: Vec<f32> = scales.iter().map(|scale| x * scale * off).collect();
        let values = (0..outputs).map(|_| (self.unit() * 2000.0) as i32).collect();
        let (integers, floats) = (self.name("b"), self.name("bf"));
        let shape: &[i64] = if units.len() == 1 { &[] } else { &[outputs] };
        let unit = self.floats(shape, units);
        self.edit(|model| {
            let model = model.constant(&integers, &[outputs], Data::I32(values));
            model.node("DequantizeLinear", &format!("{integers} {unit}"), &floats, vec![int("axis", 0)])
        });
        floats
    }

    /// The last of the floats, and some integers and floats of those that stand on the way.
    fn outputs(&mut self) {
        let values = self.values.clone();
        for (at, value) in values.iter().enumerate() {
            if at + 1 == values.len() || self.chance(15) {
                self.edit(|model| model.output(&value.name, F32, &value.shape));
                self.rounded.push(value.rounded);
            }
        }
        for (name, type_, shape, rounded) in self.integers.clone() {
            if self.chance(30) {
                self.edit(|model| model.output(&name, type_, &shape));
                self.rounded.push(rounded);
            }
        }
    }

    /// The nodes, for a failure to show.
    pub(crate) fn describe(&self) -> String {
        let graph = self.model.0.graph.as_ref().unwrap();
        let lines = graph.node.iter().map(|node| {
            let attribute = |attribute: &Attribute| {
                format!("{}={}{:?}{}", attribute.name, attribute.i, attribute.ints, attribute.f)
            };
            let attributes: Vec<String> = node.attribute.iter().map(attribute).collect();
            format!("{} = {}({}) {}", node.output.join(", "), node.op_type, node.input.join(", "), attributes.join(" "))
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}
