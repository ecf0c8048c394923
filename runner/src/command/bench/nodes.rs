//! How long each node takes.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::super::timing::Times;
use crate::exec::Session;

/// A node and the median of its times.
#[derive(Serialize)]
pub(super) struct Node {
    op: &'static str,
    model: String,
    isa: String,
    threads: usize,
    /// The operator and the node's name.
    node: String,
    kernel: String,
    us: f64,
}

/// The nodes of a plan in their order, by runs until `time` is over, and at least three.
pub(super) fn measure(session: &mut Session, model: &str, threads: usize, time: Duration) -> Result<Vec<Node>> {
    let isa = session.plan().isa().to_string();
    let computed = session.plan().computed();
    let node = |(node, kernel): (&str, String)| Node {
        op: "node",
        model: model.into(),
        isa: isa.clone(),
        threads,
        node: node.into(),
        kernel,
        us: 0.0,
    };
    let mut nodes: Vec<Node> = computed.map(node).collect();
    let mut times = vec![Vec::new(); nodes.len()];
    session.run()?;
    let begin = Instant::now();
    for run in 0.. {
        if run >= 3 && begin.elapsed() >= time {
            break;
        }
        session.run_timed(&mut |node, time| times[node].push(time.as_secs_f64() * 1e6))?;
    }
    nodes.iter_mut().zip(times).for_each(|(node, times)| node.us = Times::new(times).median());
    Ok(nodes)
}

/// What each kernel takes in all its nodes, then the nodes that take most.
pub(super) fn show(out: &mut impl Write, nodes: &[Node]) -> Result<()> {
    const MOST: usize = 20;
    let all: f64 = nodes.iter().map(|node| node.us).sum();
    let share = |us: f64| if all > 0.0 { 100.0 * us / all } else { 0.0 };
    let mut kernels: BTreeMap<(&str, &str), (usize, f64)> = BTreeMap::new();
    for node in nodes {
        let operator = node.node.split(' ').next().unwrap_or_default();
        let sum = kernels.entry((operator, &node.kernel)).or_default();
        *sum = (sum.0 + 1, sum.1 + node.us);
    }
    let mut kernels: Vec<_> = kernels.into_iter().collect();
    kernels.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    writeln!(out, "{:>12} {:>7} {:>7}  operator and kernel", "us", "%", "nodes")?;
    for ((operator, kernel), (count, us)) in kernels {
        writeln!(out, "{us:>12.2} {:>7.2} {count:>7}  {operator} {kernel}", share(us))?;
    }
    let mut nodes: Vec<&Node> = nodes.iter().collect();
    nodes.sort_by(|a, b| b.us.total_cmp(&a.us));
    writeln!(out, "{:>12} {:>7}  node and kernel", "us", "%")?;
    for Node { node, kernel, us, .. } in nodes.iter().take(MOST) {
        writeln!(out, "{us:>12.2} {:>7.2}  {node} {kernel}", share(*us))?;
    }
    if nodes.len() > MOST {
        writeln!(out, "{:>12} {:>7}  {} more", "", "", nodes.len() - MOST)?;
    }
    Ok(())
}
