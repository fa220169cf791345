//! The modules of one crate, parsed from its files, and the resolution of paths between them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{Visit, visit_item};
use syn::{Attribute, Item, ItemMod, ItemUse, Meta, UseTree, Visibility};

/// A crate: its modules, the root first.
pub(super) struct Modules(Vec<Module>);

/// A module. Inline modules share the file of the module around them.
pub(super) struct Module {
    pub(super) file: PathBuf,
    /// Without child modules, and without what is compiled for unit tests only.
    pub(super) items: Vec<Item>,
    parent: usize,
    names: BTreeMap<String, Vec<Binding>>,
    globs: Vec<Vec<String>>,
}

/// What a name means inside a module. One name may mean several things, as in `mod copy; use copy::copy;`.
enum Binding {
    Module(usize),
    Item,
    Import(Vec<String>),
}

/// Where a path leads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target<'a> {
    Module(usize),
    /// An item of this name, defined in the module with this index.
    Item(usize, &'a str),
}

/// A leaf of a `use` tree.
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// `None` for a glob.
    pub(super) name: Option<String>,
}

impl Modules {
    /// Parses the crate whose root is `file`, and every file that belongs to it.
    pub(super) fn read(file: &Path) -> Self {
        let mut modules = Self(Vec::new());
        let folder = file.parent().unwrap().to_owned();
        modules.add(file.to_owned(), &folder, parse(file), 0);
        modules
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Module)> {
        self.0.iter().enumerate()
    }

    pub(super) fn get(&self, index: usize) -> &Module {
        &self.0[index]
    }

    pub(super) fn is_inside(&self, mut index: usize, ancestor: usize) -> bool {
        while index != 0 && index != ancestor {
            index = self.0[index].parent;
        }
        index == ancestor
    }

    /// Everything in this crate that `path`, written inside the module `from`, may lead to.
    pub(super) fn resolve(&self, from: usize, path: &[String]) -> Vec<Target<'_>> {
        self.resolve_guarded(from, path, &mut Vec::new())
    }

    /// Adds a module whose child modules lie in `folder`.
    fn add(&mut self, file: PathBuf, folder: &Path, items: Vec<Item>, parent: usize) -> usize {
        let index = self.0.len();
        let (mut children, mut others) = (Vec::new(), Vec::new());
        for item in items.into_iter().filter(|item| !is_for_tests(item)) {
            match item {
                Item::Mod(child) => children.push(child),
                other => others.push(other),
            }
        }
        let mut names: BTreeMap<String, Vec<Binding>> = BTreeMap::new();
        for name in others.iter().filter_map(defined_name) {
            names.entry(name).or_default().push(Binding::Item);
        }
        let mut globs = Vec::new();
        for Import { path, name } in imports_in(&others) {
            match name {
                Some(name) => names.entry(name).or_default().push(Binding::Import(path)),
                None => globs.push(path),
            }
        }
        self.0.push(Module { file, items: others, parent, names, globs });
        for child in children {
            self.add_child(index, folder, child);
        }
        index
    }

    fn add_child(&mut self, parent: usize, folder: &Path, child: ItemMod) {
        let name = child.ident.to_string();
        let nested = folder.join(&name);
        let index = if let Some((_, items)) = child.content {
            self.add(self.0[parent].file.clone(), &nested, items, parent)
        } else {
            let beside = folder.join(format!("{name}.rs"));
            let file = if beside.exists() { beside } else { nested.join("mod.rs") };
            let items = parse(&file);
            self.add(file, &nested, items, parent)
        };
        self.0[parent].names.entry(name).or_default().push(Binding::Module(index));
    }

    /// `pending` holds the imports that are being resolved: an import that leads back to itself ends there.
    fn resolve_guarded<'a>(
        &'a self,
        from: usize,
        path: &[String],
        pending: &mut Vec<(usize, &'a [String])>,
    ) -> Vec<Target<'a>> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        let found = match first.as_str() {
            "crate" => vec![Target::Module(0)],
            "self" => vec![Target::Module(from)],
            "super" => vec![Target::Module(self.0[from].parent)],
            name => self.look_up(from, name, pending),
        };
        self.follow(found, rest, pending)
    }

    fn follow<'a>(
        &'a self,
        found: Vec<Target<'a>>,
        rest: &[String],
        pending: &mut Vec<(usize, &'a [String])>,
    ) -> Vec<Target<'a>> {
        let Some((name, rest)) = rest.split_first() else { return found };
        let mut inner = Vec::new();
        for target in &found {
            let Target::Module(index) = *target else { continue };
            let next = match name.as_str() {
                "super" => vec![Target::Module(self.0[index].parent)],
                name => self.look_up(index, name, pending),
            };
            inner.extend(self.follow(next, rest, pending));
        }
        if inner.is_empty() {
            // The rest names a variant or an associated item.
            inner.extend(found.into_iter().filter(|target| matches!(target, Target::Item(..))));
        }
        inner
    }

    fn look_up<'a>(
        &'a self,
        index: usize,
        name: &str,
        pending: &mut Vec<(usize, &'a [String])>,
    ) -> Vec<Target<'a>> {
        let module = &self.0[index];
        let mut found = Vec::new();
        let bindings = module.names.get_key_value(name);
        for (name, binding) in
            bindings.into_iter().flat_map(|(name, all)| all.iter().map(move |one| (name, one)))
        {
            match binding {
                Binding::Module(child) => found.push(Target::Module(*child)),
                Binding::Item => found.push(Target::Item(index, name)),
                Binding::Import(path) => found.extend(self.look_through(index, path, pending)),
            }
        }
        if found.is_empty() {
            for glob in &module.globs {
                let from = self.look_through(index, glob, pending);
                let modules = from.into_iter().filter(|one| matches!(one, Target::Module(_)));
                let path = [name.to_owned()];
                found.extend(self.follow(modules.collect(), &path, pending));
            }
        }
        found
    }

    fn look_through<'a>(
        &'a self,
        index: usize,
        path: &'a [String],
        pending: &mut Vec<(usize, &'a [String])>,
    ) -> Vec<Target<'a>> {
        if pending.contains(&(index, path)) {
            return Vec::new();
        }
        pending.push((index, path));
        let found = self.resolve_guarded(index, path, pending);
        pending.pop();
        found
    }
}

fn parse(file: &Path) -> Vec<Item> {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display())).items
}

/// The leaves of a `use` declaration.
pub(super) fn leaves(declaration: &ItemUse) -> Vec<Import> {
    let mut found = Vec::new();
    if declaration.leading_colon.is_none() {
        collect_leaves(&declaration.tree, &[], &mut found);
    }
    found
}

fn collect_leaves(tree: &UseTree, prefix: &[String], found: &mut Vec<Import>) {
    let with = |name: String| -> Vec<String> {
        let last = (name != "self").then_some(name);
        prefix.iter().cloned().chain(last).collect()
    };
    match tree {
        UseTree::Path(inner) => {
            let prefix: Vec<String> =
                prefix.iter().cloned().chain([inner.ident.to_string()]).collect();
            collect_leaves(&inner.tree, &prefix, found);
        }
        UseTree::Name(leaf) => {
            let path = with(leaf.ident.to_string());
            found.push(Import { name: path.last().cloned(), path });
        }
        UseTree::Rename(leaf) => {
            let name = Some(leaf.rename.to_string());
            found.push(Import { path: with(leaf.ident.to_string()), name });
        }
        UseTree::Glob(_) => found.push(Import { path: prefix.to_vec(), name: None }),
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| collect_leaves(tree, prefix, found));
        }
    }
}

/// The imports of a module, including those inside function bodies.
fn imports_in(items: &[Item]) -> Vec<Import> {
    struct Imports(Vec<Import>);

    impl<'ast> Visit<'ast> for Imports {
        fn visit_item(&mut self, item: &'ast Item) {
            match item {
                Item::Mod(_) => {}
                Item::Use(declaration) => self.0.extend(leaves(declaration)),
                other => visit_item(self, other),
            }
        }
    }

    let mut imports = Imports(Vec::new());
    for item in items {
        imports.visit_item(item);
    }
    imports.0
}

pub(super) fn is_reexport(declaration: &ItemUse) -> bool {
    !matches!(declaration.vis, Visibility::Inherited)
}

fn defined_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// Whether the item is compiled for unit tests only: `#[cfg(test)]`.
fn is_for_tests(item: &Item) -> bool {
    let attributes = match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return false,
    };
    has_cfg_test(attributes)
}

pub(super) fn has_cfg_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}
