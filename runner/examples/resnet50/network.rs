//! ResNet-50.

use zeropoint_runner::formats::onnx::proto::{AttributeProto, AttributeType};

use super::builder::{Builder, ints};
use super::spread::{OF_WEIGHTS, Random, Spread};

/// The stages: blocks, and channels within them; four times as many come out.
const STAGES: [(usize, usize); 4] = [(3, 64), (4, 128), (6, 256), (3, 512)];
const CLASSES: usize = 1000;

/// A tensor of the network.
#[derive(Clone)]
struct Tensor {
    name: String,
    channels: usize,
    spread: Spread,
    scale: f64,
    zero: u8,
}

struct Network {
    builder: Builder,
    random: Random,
}

/// What a convolution is but for its channels.
struct Window {
    taps: usize,
    stride: usize,
    pad: usize,
}

pub(crate) fn resnet50() -> Builder {
    let mut network = Network { builder: Builder::new("resnet50"), random: Random::new(50) };
    network.builder.input("image", &[1, 3, 224, 224]);
    let (scale, zero) = (0.02, 114);
    let spread = Spread::bytes(&mut network.random, scale, zero);
    let image = network.quantized("image".into(), 3, &spread, (scale, zero));
    let x = network.conv("stem", &image, 64, Window { taps: 7, stride: 2, pad: 3 }, true);
    let mut x = network.max_pool(&x);
    for (stage, (blocks, channels)) in STAGES.into_iter().enumerate() {
        for block in 0..blocks {
            let stride = if block == 0 && stage > 0 { 2 } else { 1 };
            x = network.block(&format!("stage{}_block{}", stage + 1, block + 1), &x, channels, stride);
        }
    }
    network.head(&x);
    network.builder
}

impl Network {
    /// A tensor with its scale and zero point.
    fn quantized(&mut self, name: String, channels: usize, spread: &Spread, (scale, zero): (f64, u8)) -> Tensor {
        self.builder.f32(&format!("{name}_scale"), &[scale as f32]);
        self.builder.u8(&format!("{name}_zero"), zero);
        let spread = spread.quantized(scale, zero);
        Tensor { name, channels, spread, scale, zero }
    }

    /// The same, with a scale that fits: of what is not negative where a rectifier follows, which quantising does.
    fn fitted(&mut self, name: String, channels: usize, spread: &Spread, rectified: bool) -> Tensor {
        let (steps, zero) = if rectified { (255.0, 0) } else { (127.0, 128) };
        self.quantized(name, channels, spread, (spread.scale(steps), zero))
    }

    /// Names of a tensor, its scale and its zero point.
    fn operands(tensor: &Tensor) -> [String; 3] {
        [tensor.name.clone(), format!("{}_scale", tensor.name), format!("{}_zero", tensor.name)]
    }

    fn conv(&mut self, name: &str, x: &Tensor, channels: usize, window: Window, rectified: bool) -> Tensor {
        let Window { taps, stride, pad } = window;
        let depth = x.channels * taps * taps;
        let weights: Vec<i8> = (0..channels * depth).map(|_| self.random.weight()).collect();
        self.builder.s8(&format!("{name}_w"), &[channels, x.channels, taps, taps], &weights);
        let scale = 1.0 / OF_WEIGHTS / (depth as f64).sqrt();
        // Channels differ by up to three times.
        let scales: Vec<f32> = (0..channels).map(|_| (scale * (0.5 + self.random.unit())) as f32).collect();
        self.builder.f32(&format!("{name}_w_scale"), &scales);
        self.builder.zero(&format!("{name}_w_zero"));
        let spread = x.spread.products(&mut self.random, depth, scale);
        let y = self.fitted(name.into(), channels, &spread, rectified);
        // Up to an eighth of what the results go to.
        let most = 64.0 * y.scale / (x.scale * scale);
        let bias: Vec<i32> = (0..channels).map(|_| ((self.random.unit() - 0.5) * most) as i32).collect();
        self.builder.s32(&format!("{name}_bias"), &bias);
        let mut inputs = Self::operands(x).to_vec();
        inputs.extend([format!("{name}_w"), format!("{name}_w_scale"), format!("{name}_w_zero")]);
        inputs.extend([format!("{name}_scale"), format!("{name}_zero"), format!("{name}_bias")]);
        let attributes = vec![ints("kernel_shape", taps, 2), ints("strides", stride, 2), ints("pads", pad, 4)];
        self.builder.node("QLinearConv", &inputs, name, attributes);
        y
    }

    fn max_pool(&mut self, x: &Tensor) -> Tensor {
        let attributes = vec![ints("kernel_shape", 3, 2), ints("strides", 2, 2), ints("pads", 1, 4)];
        self.builder.node("MaxPool", std::slice::from_ref(&x.name), "pool", attributes);
        let spread = x.spread.most_of(&mut self.random, 9);
        self.quantized("pool".into(), x.channels, &spread, (x.scale, x.zero))
    }

    /// Three convolutions, and what they are added to.
    fn block(&mut self, name: &str, x: &Tensor, channels: usize, stride: usize) -> Tensor {
        let one = |stride| Window { taps: 1, stride, pad: 0 };
        let y = self.conv(&format!("{name}_a"), x, channels, one(1), true);
        let y = self.conv(&format!("{name}_b"), &y, channels, Window { taps: 3, stride, pad: 1 }, true);
        let y = self.conv(&format!("{name}_c"), &y, 4 * channels, one(1), false);
        let beside = if x.channels == 4 * channels {
            x.clone()
        } else {
            self.conv(&format!("{name}_beside"), x, 4 * channels, one(stride), false)
        };
        let sum = self.fitted(name.into(), 4 * channels, &y.spread.plus(&beside.spread), true);
        let mut inputs = Self::operands(&y).to_vec();
        inputs.extend(Self::operands(&beside));
        inputs.extend([format!("{name}_scale"), format!("{name}_zero")]);
        self.builder.node("com.microsoft.QLinearAdd", &inputs, name, vec![]);
        sum
    }

    /// The mean of each channel, and the product with the classes.
    fn head(&mut self, x: &Tensor) {
        // Means of a channel are about a third of what its pixels go to.
        let mean = self.quantized("mean".into(), x.channels, &x.spread, (x.scale / 3.0, x.zero));
        let mut inputs = Self::operands(x).to_vec();
        inputs.extend(["mean_scale".into(), "mean_zero".into()]);
        self.builder.node("com.microsoft.QLinearGlobalAveragePool", &inputs, "mean", vec![]);
        let axis =
            AttributeProto { name: "axis".into(), i: 1, r#type: AttributeType::Int.into(), ..Default::default() };
        self.builder.node("Flatten", &["mean".into()], "flat", vec![axis]);
        let weights: Vec<i8> = (0..x.channels * CLASSES).map(|_| self.random.weight()).collect();
        self.builder.s8("classes_w", &[x.channels, CLASSES], &weights);
        let scale = 1.0 / OF_WEIGHTS / (x.channels as f64).sqrt();
        self.builder.f32("classes_w_scale", &[scale as f32]);
        self.builder.zero("classes_w_zero");
        let spread = mean.spread.products(&mut self.random, x.channels, scale);
        self.fitted("output".into(), CLASSES, &spread, false);
        let names = [
            "flat",
            "mean_scale",
            "mean_zero",
            "classes_w",
            "classes_w_scale",
            "classes_w_zero",
            "output_scale",
            "output_zero",
        ];
        self.builder.node("QLinearMatMul", &names.map(String::from), "output", vec![]);
        self.builder.output("output", &[1, CLASSES as i64]);
    }
}
