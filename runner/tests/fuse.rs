//! Random graphs with pairs: what the passes make of them answers as the graph does that they leave alone.

mod support;

use std::collections::BTreeMap;

use support::random_graph::RandomGraph;
use support::{owned, session, set_data, tiers};
use zeropoint::Backend;
use zeropoint_runner::formats::onnx;
use zeropoint_runner::graph::{Data, Graph};
use zeropoint_runner::passes::{self, Options, Semantics};

const GRAPHS: u64 = 1000;

fn parsed(random: &RandomGraph) -> Graph {
    let (graph, problems) = onnx::parse(&random.model.bytes(), None);
    assert!(problems.is_empty(), "{problems}\n{}", random.describe());
    graph
}

/// The graph as the options want it, and how often each pass fired.
fn prepared(random: &RandomGraph, options: &Options, fired: &mut BTreeMap<&'static str, usize>) -> Graph {
    let mut graph = parsed(random);
    let mut problems = zeropoint_runner::Problems::default();
    passes::run_reported(&mut graph, options, &mut problems, &mut |_, report| {
        *fired.entry(report.name).or_default() += report.fired.len();
    });
    assert!(problems.is_empty(), "{problems}\n{}", random.describe());
    graph
}

fn answers(random: &RandomGraph, graph: &Graph, backend: &Backend, threads: usize) -> Vec<Data> {
    let mut session = session(graph, backend, threads);
    for (index, data) in random.inputs.iter().enumerate() {
        set_data(&mut session, index, data);
    }
    session.run().unwrap();
    (0..random.rounded.len()).map(|index| owned(session.output(index).unwrap())).collect()
}

/// Integers as they are, floats as their bits.
fn bits(data: &Data) -> Vec<i64> {
    match data {
        Data::F32(values) => values.iter().map(|value| value.to_bits().into()).collect(),
        other => integers(other),
    }
}

fn integers(data: &Data) -> Vec<i64> {
    match data {
        Data::U8(values) => values.iter().map(|&value| value.into()).collect(),
        Data::I8(values) => values.iter().map(|&value| value.into()).collect(),
        Data::U16(values) => values.iter().map(|&value| value.into()).collect(),
        Data::I16(values) => values.iter().map(|&value| value.into()).collect(),
        other => panic!("no graph makes {other:?}"),
    }
}

fn expect_same(got: &[Data], expected: &[Data], place: &str, random: &RandomGraph) {
    for (at, (got, expected)) in got.iter().zip(expected).enumerate() {
        let (got, expected) = (bits(got), bits(expected));
        let differing = got.iter().zip(&expected).position(|(got, expected)| got != expected);
        if let Some(index) = differing {
            let output = &random.model.0.graph.as_ref().unwrap().output[at].name;
            panic!(
                "{place}: output {output} at {index} is {}, expected {}\n{}",
                got[index],
                expected[index],
                random.describe()
            );
        }
        assert_eq!(got.len(), expected.len(), "{place}");
    }
}

/// Graphs that no pass changes would prove nothing.
fn expect_fired(fired: &BTreeMap<&str, usize>, names: &[&str]) {
    for name in names {
        let count = fired.get(name).copied().unwrap_or(0);
        assert!(count >= 10, "{name} fired {count} times: {fired:?}");
    }
}

#[test]
fn what_has_one_definition_is_the_same_to_the_bit() {
    let literal = Options::default().semantics(Semantics::Literal);
    let (mut fired, backend) = (BTreeMap::new(), Backend::best());
    for seed in 0..GRAPHS {
        let random = RandomGraph::new(seed, 0);
        let expected = answers(&random, &prepared(&random, &literal.fuse(false), &mut BTreeMap::new()), &backend, 1);
        for keep in [false, true] {
            let graph = prepared(&random, &literal.keep(keep), &mut fired);
            let got = answers(&random, &graph, &backend, 1);
            expect_same(&got, &expected, &format!("graph {seed}, keep {keep}"), &random);
        }
    }
    let passes = [
        "merge equal quantisers",
        "clamps behind quantisers",
        "dequantisers behind movement",
        "quantisers before movement",
        "clamps behind moved quantisers",
        "equal pairs",
        "operators",
        "tables",
        "copies",
        "clamps in operators",
    ];
    expect_fired(&fired, &passes);
}

#[test]
fn products_are_within_a_step() {
    let literal = Options::default().semantics(Semantics::Literal);
    let (mut fired, backend) = (BTreeMap::new(), Backend::best());
    let (mut compared, mut apart) = (0, 0);
    for seed in 0..GRAPHS {
        let random = RandomGraph::new(seed, 1);
        let expected = answers(&random, &prepared(&random, &literal.fuse(false), &mut BTreeMap::new()), &backend, 1);
        let got = answers(&random, &prepared(&random, &literal, &mut fired), &backend, 1);
        for (at, rounded) in random.rounded.iter().enumerate() {
            let place = || format!("graph {seed}, output {at}\n{}", random.describe());
            match (&got[at], &expected[at]) {
                _ if !rounded => expect_same(&got[at..=at], &expected[at..=at], &place(), &random),
                (Data::F32(_), Data::F32(_)) => {}
                (got, expected) => {
                    for (got, expected) in integers(got).into_iter().zip(integers(expected)) {
                        assert!(got.abs_diff(expected) <= 1, "{got}, expected {expected}: {}", place());
                        compared += 1;
                        apart += usize::from(got != expected);
                    }
                }
            }
        }
    }
    assert!(compared > 10_000 && apart * 1000 < compared, "{apart} of {compared} integers are a step apart");
    expect_fired(&fired, &["products", "biases", "batch normalisations"]);
}

#[test]
fn every_tier_and_every_plan_answers_alike() {
    let backends = tiers();
    let (mut fired, options) = (BTreeMap::new(), Options::default());
    for seed in 0..GRAPHS {
        let random = RandomGraph::new(seed, 2);
        let (graph, again) =
            (prepared(&random, &options, &mut fired), prepared(&random, &options, &mut BTreeMap::new()));
        assert_eq!(format!("{graph:?}"), format!("{again:?}"), "graph {seed}");
        let expected = answers(&random, &graph, &backends[0], 1);
        expect_same(&answers(&random, &again, &backends[0], 1), &expected, &format!("graph {seed}, again"), &random);
        let kept = prepared(&random, &options.keep(true), &mut BTreeMap::new());
        expect_same(&answers(&random, &kept, &backends[0], 1), &expected, &format!("graph {seed}, kept"), &random);
        for backend in &backends {
            for threads in [1, 2] {
                let got = answers(&random, &graph, backend, threads);
                let place = format!("graph {seed}, {}, {threads} threads", backend.isa());
                expect_same(&got, &expected, &place, &random);
            }
        }
    }
    expect_fired(&fired, &["products", "operators", "clamps in operators"]);
}
