//! Whole networks whose operators stand between pairs, and such that quantise while they run: every integer tensor equals
//! its golden, on every tier, with one and two threads.

mod support;

use std::path::PathBuf;

use support::{models, owned, session, set_data, tiers};
use zeropoint::Backend;
use zeropoint_runner::exec::{Session, TensorRef};
use zeropoint_runner::formats::onnx;
use zeropoint_runner::graph::{Data, Graph, Type};
use zeropoint_runner::passes::{self, Options};
use zeropoint_runner::trace::{Trace, record, top};
use zeropoint_runner::{golden, npy};

struct Network {
    name: &'static str,
    /// How many tensors have to be equal to the golden.
    exact: usize,
    /// How many lie below a float operator whose result its definition leaves open.
    open: usize,
}

const fn network(name: &'static str, exact: usize, open: usize) -> Network {
    Network { name, exact, open }
}

const NETWORKS: [Network; 13] = [
    network("digits_cnn_u8s8pc", 28, 0),
    network("digits_cnn_s8s8pc", 28, 0),
    network("digits_cnn_s8s8pc_sym", 34, 0),
    network("digits_cnn_u8u8", 28, 0),
    network("digits_cnn_u8s8pc_partial", 8, 12),
    network("digits_cnn_u8s8pc_floatout", 4, 6),
    network("digits_cnn_dyn_u8u8", 12, 18),
    network("digits_cnn_dyn_u8s8", 12, 18),
    network("digits_vit_u8s8pc", 4, 31),
    network("digits_vit_s8s8pc", 4, 31),
    network("digits_vit_u8u8pc", 4, 31),
    network("digits_vit_dyn_u8u8pc", 3, 17),
    network("digits_vit_dyn_u8s8pc", 3, 17),
];

/// The images that training did not see.
const IMAGES: usize = 360;

const PIXELS: usize = 64;

const CLASSES: usize = 10;

impl Network {
    /// What quantises while it runs takes one image at a time: others in the batch would change its scales.
    fn batch(&self, images: usize) -> usize {
        if self.name.contains("_dyn_") { 1 } else { images }
    }

    fn golden(&self) -> PathBuf {
        folder().join("golden").join(self.name)
    }

    fn prepared(&self, batch: usize, options: &Options) -> Graph {
        let mut graph = onnx::load(&folder().join(self.name).with_extension("onnx")).unwrap();
        graph.set_input_shape(0, &[batch, 1, 8, 8]).unwrap();
        passes::prepare(&mut graph, options).unwrap();
        graph
    }
}

fn folder() -> PathBuf {
    models().join("qdq")
}

/// Every image, a pixel divided by 16.
fn images() -> Vec<f32> {
    let path = folder().join("inputs/digits_test_u8.npy");
    let Data::U8(pixels) = npy::read(&path, Type::U8, &[IMAGES, 1, 8, 8]).unwrap() else { panic!() };
    pixels.iter().map(|&pixel| f32::from(pixel) / 16.0).collect()
}

fn outputs(session: &Session) -> Vec<Data> {
    (0..session.plan().output_tensors().len()).map(|index| owned(session.output(index).unwrap())).collect()
}

/// The same to the bit, also where it is no number.
fn same(a: &[Data], b: &[Data]) -> bool {
    let bits = |data: &Data| match data {
        Data::F32(values) => Ok(values.iter().map(|value| value.to_bits()).collect::<Vec<_>>()),
        other => Err(other.clone()),
    };
    a.iter().map(bits).eq(b.iter().map(bits))
}

#[test]
fn integers_equal_the_goldens() {
    let (images, backends) = (images(), tiers());
    for network in &NETWORKS {
        let golden = golden::read(&network.golden().join("layers.json")).unwrap();
        let samples = golden::samples(golden.images.as_deref().unwrap()).unwrap();
        assert_eq!(samples, 0..network.batch(8), "{}", network.name);
        let x = Data::F32(images[..samples.len() * PIXELS].to_vec());
        let kept = network.prepared(samples.len(), &Options::default().keep(true));
        let plain = network.prepared(samples.len(), &Options::default());
        let mut first: Option<(Trace, Vec<Data>)> = None;
        for backend in &backends {
            for threads in [1, 2] {
                let place = format!("{}, {}, {threads} threads", network.name, backend.isa());
                let mut traced = session(&kept, backend, threads);
                set_data(&mut traced, 0, &x);
                let mut trace = record(&mut traced).unwrap();
                let report = golden::compare(&golden, &trace);
                assert_eq!(report.differences, [""; 0], "{place}");
                assert_eq!((report.equal, report.unjudged), (network.exact, network.open), "{place}");
                println!("{place}: {report}");

                // Nothing of it depends on the tier or on the threads, below float operators neither.
                let y = outputs(&traced);
                trace.isa = None;
                trace.layers.iter_mut().for_each(|layer| layer.kernel = None);
                let (one, answer) = first.get_or_insert_with(|| (trace.clone(), y.clone()));
                assert_eq!(*one, trace, "{place}");
                assert!(same(answer, &y), "{place}: {y:?}, expected {answer:?}");

                // What takes in the operators behind it answers the same.
                let mut fused = session(&plain, backend, threads);
                set_data(&mut fused, 0, &x);
                fused.run().unwrap();
                assert!(same(answer, &outputs(&fused)), "{place}: {:?}, expected {answer:?}", outputs(&fused));
            }
        }
    }
}

#[test]
fn answers_are_as_right_as_the_goldens_say() {
    let images = images();
    let path = folder().join("inputs/digits_test_labels_u8.npy");
    let Data::U8(labels) = npy::read(&path, Type::U8, &[IMAGES]).unwrap() else { panic!() };
    for network in &NETWORKS {
        let golden = golden::read(&network.golden().join("layers.json")).unwrap();
        let shape = [IMAGES, CLASSES];
        let Data::F32(y) = npy::read(&network.golden().join("y360.npy"), Type::F32, &shape).unwrap() else { panic!() };
        let batch = network.batch(IMAGES);
        let mut session = session(&network.prepared(batch, &Options::default()), &Backend::best(), 1);
        let mut answers = Vec::new();
        for x in images.chunks(batch * PIXELS) {
            set_data(&mut session, 0, &Data::F32(x.to_vec()));
            session.run().unwrap();
            let Data::F32(y) = owned(session.output(0).unwrap()) else { panic!() };
            answers.extend(y);
        }
        // Dequantised integers of integers: each float is the golden's.
        if network.open == 0 {
            assert!(same(&[Data::F32(answers.clone())], &[Data::F32(y)]), "{}", network.name);
        }
        let class = |y: &[f32]| top(TensorRef::F32(y), 1)[0];
        let right =
            answers.chunks(CLASSES).zip(&labels).filter(|(answer, label)| class(answer) == usize::from(**label));
        let expected = (golden.accuracy.unwrap() * IMAGES as f64).round();
        assert_eq!(right.count() as f64, expected, "{} of {IMAGES}", network.name);
    }
}
