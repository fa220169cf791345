//! Orders the nodes of a conversation. Links that are missing, wrong or circular are repaired.

use std::collections::{HashMap, HashSet};

use webchat_domain::Timestamp;

use super::conversation::Node;

/// A node in the order of import. Its time is never earlier than its parent's.
pub(super) struct OrderedNode {
    pub(super) index: usize,
    pub(super) created_at: Timestamp,
    /// The nearest ancestor with a text.
    pub(super) parent: Option<usize>,
}

/// The nodes and their parents.
pub(super) struct Tree {
    parents: Vec<Option<usize>>,
    by_id: HashMap<Box<str>, usize>,
}

impl Tree {
    pub(super) fn new(nodes: &[Node]) -> Self {
        let mut by_id: HashMap<Box<str>, usize> = HashMap::new();
        for (index, node) in nodes.iter().enumerate() {
            let known = by_id.entry(node.id.clone()).or_insert(index);
            // The same message can be in the file twice: the richer copy counts.
            if richness(nodes.get(*known)) < richness(Some(node)) {
                *known = index;
            }
        }
        let mut tree = Self { parents: vec![None; nodes.len()], by_id };
        let orphans = tree.link(nodes);
        tree.cut_cycles(nodes);
        tree.attach_orphans(nodes, &orphans);
        tree
    }

    /// Sets the parents. Returns the nodes whose parent is not in the file.
    fn link(&mut self, nodes: &[Node]) -> HashSet<usize> {
        if nodes.iter().all(|node| !node.has_links) {
            self.link_in_order(nodes);
            return HashSet::new();
        }
        let mut orphans = HashSet::new();
        for (index, node) in nodes.iter().enumerate() {
            let Some(id) = &node.parent else { continue };
            let parent = self.by_id.get(id).copied().filter(|parent| *parent != index);
            self.set(index, parent);
            if parent.is_none() {
                orphans.insert(index);
            }
        }
        for (index, node) in nodes.iter().enumerate() {
            for id in &node.children {
                let Some(child) = self.by_id.get(id).copied() else { continue };
                if child != index && self.parent(child).is_none() {
                    self.set(child, Some(index));
                    orphans.remove(&child);
                }
            }
        }
        orphans
    }

    /// Links each node to the one before it. A list in which each message is older than the one before is reversed.
    fn link_in_order(&mut self, nodes: &[Node]) {
        let times = nodes.iter().map(|node| node.created_at);
        let is_reversed = nodes.len() > 1
            && times.clone().all(|time| time.is_some())
            && times.is_sorted_by(|earlier, later| earlier > later);
        for index in 0..nodes.len() {
            let before = if is_reversed { index.checked_add(1) } else { index.checked_sub(1) };
            self.set(index, before.filter(|before| *before < nodes.len()));
        }
    }

    /// Makes the earliest node of each cycle a root.
    fn cut_cycles(&mut self, nodes: &[Node]) {
        let mut visited_from: Vec<Option<usize>> = vec![None; nodes.len()];
        for start in 0..nodes.len() {
            let mut next = Some(start);
            while let Some(index) = next {
                match visited_from.get_mut(index) {
                    Some(visited @ None) => *visited = Some(start),
                    Some(Some(from)) if *from == start => {
                        let first = self.earliest_of_cycle(nodes, index);
                        self.set(first, None);
                        break;
                    }
                    _ => break,
                }
                next = self.parent(index);
            }
        }
    }

    fn earliest_of_cycle(&self, nodes: &[Node], start: usize) -> usize {
        let key = |index: usize| {
            let node = nodes.get(index);
            (
                node.is_some_and(|node| node.text.is_some()),
                node.and_then(|node| node.created_at),
                index,
            )
        };
        let (mut first, mut next) = (start, self.parent(start));
        while let Some(index) = next.filter(|index| *index != start) {
            first = if key(index) < key(first) { index } else { first };
            next = self.parent(index);
        }
        first
    }

    /// Attaches nodes whose parent is missing to the newest message before them, so that they stay visible.
    fn attach_orphans(&mut self, nodes: &[Node], orphans: &HashSet<usize>) {
        let children = self.children();
        let mut roots = children.get(&None).cloned().unwrap_or_default();
        let time = |index: &usize| nodes.get(*index).and_then(|node| node.created_at);
        roots.sort_by_key(|root| (time(root), *root));
        let mut newest_before: Option<usize> = None;
        for root in roots {
            if orphans.contains(&root) {
                self.set(root, newest_before);
            }
            let mut stack = vec![root];
            while let Some(index) = stack.pop() {
                if nodes.get(index).is_some_and(|node| node.text.is_some()) {
                    newest_before = newest_before.max_by_time(index, time);
                }
                stack.extend(children.get(&Some(index)).into_iter().flatten());
            }
        }
    }

    fn children(&self) -> HashMap<Option<usize>, Vec<usize>> {
        let mut children: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
        for (index, parent) in self.parents.iter().enumerate() {
            children.entry(*parent).or_default().push(index);
        }
        children
    }

    /// Returns the nodes with a text, ordered by time. Each comes after its parent.
    pub(super) fn order(&self, nodes: &[Node], created_at: Timestamp) -> Vec<OrderedNode> {
        let children = self.children();
        let mut ordered = Vec::with_capacity(nodes.len());
        let mut stack: Vec<(usize, Timestamp, Option<usize>)> = Vec::new();
        let roots = children.get(&None).into_iter().flatten().rev();
        stack.extend(roots.map(|index| (*index, created_at, None)));
        while let Some((index, min_time, parent)) = stack.pop() {
            let Some(node) = nodes.get(index) else { continue };
            let created_at = node.created_at.map_or(min_time, |time| time.max(min_time));
            let is_imported = node.text.is_some() && self.by_id.get(&node.id) == Some(&index);
            if is_imported {
                ordered.push(OrderedNode { index, created_at, parent });
            }
            let next_parent = if is_imported { Some(index) } else { parent };
            let next = children.get(&Some(index)).into_iter().flatten().rev();
            stack.extend(next.map(|child| (*child, created_at, next_parent)));
        }
        // The sort is stable, so that a node without a time stays after its parent.
        ordered.sort_by_key(|node| node.created_at);
        ordered
    }

    /// Returns the nodes on the path to the current node, or to the newest node if the file names no current one, or
    /// one whose path has no text.
    pub(super) fn visible(&self, current: Option<&str>, ordered: &[OrderedNode]) -> HashSet<usize> {
        let current = current.and_then(|id| self.by_id.get(id).copied());
        let path = current.map(|current| self.path(current)).unwrap_or_default();
        if ordered.iter().any(|node| path.contains(&node.index)) {
            return path;
        }
        ordered.last().map(|last| self.path(last.index)).unwrap_or_default()
    }

    fn path(&self, end: usize) -> HashSet<usize> {
        std::iter::successors(Some(end), |index| self.parent(*index)).collect()
    }

    fn parent(&self, index: usize) -> Option<usize> {
        self.parents.get(index).copied().flatten()
    }

    fn set(&mut self, index: usize, parent: Option<usize>) {
        if let Some(slot) = self.parents.get_mut(index) {
            *slot = parent;
        }
    }
}

/// How much of a message a node has.
fn richness(node: Option<&Node>) -> (bool, usize) {
    let text = node.and_then(|node| node.text.as_ref());
    (text.is_some(), text.map_or(0, |text| text.content.len()))
}

/// Chooses the newer one of two nodes.
trait Newest {
    fn max_by_time(self, other: usize, time: impl Fn(&usize) -> Option<Timestamp>)
    -> Option<usize>;
}

impl Newest for Option<usize> {
    fn max_by_time(
        self,
        other: usize,
        time: impl Fn(&usize) -> Option<Timestamp>,
    ) -> Option<usize> {
        Some(self.filter(|newest| time(newest) > time(&other)).unwrap_or(other))
    }
}
