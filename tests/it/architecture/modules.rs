//! The modules of a crate, parsed from its files, and the resolution of paths between them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{Visit, visit_item};
use syn::{Attribute, Item, ItemMod, ItemUse, Meta, UseTree, Visibility};

/// The modules of a crate, the root first. Modules refer to each other by index.
pub(super) struct Modules(Vec<Module>);

/// A module. An inline module has the same file as the module that contains it.
pub(super) struct Module {
    pub(super) file: PathBuf,
    /// The items, except child modules and items that are compiled for unit tests only.
    pub(super) items: Vec<Item>,
    /// The index of the parent module.
    parent: usize,
    names: BTreeMap<String, Vec<Binding>>,
    /// The paths of its glob imports.
    globs: Vec<Vec<String>>,
}

/// The meaning of a name in a module. A name can have several bindings, as in `mod copy; use copy::copy;`.
enum Binding {
    Module(usize),
    Item,
    Import(Vec<String>),
}

/// The target of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// The module with this index.
    Module(usize),
    /// The item with this name, defined in the module with this index.
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
        let dir = file.parent().unwrap().to_owned();
        modules.add(file.to_owned(), &dir, parse(file), 0);
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

    /// Finds all targets in this crate that `path` can refer to in this module.
    pub(super) fn resolve(&self, module: usize, path: &[String]) -> Vec<Target<'_>> {
        self.resolve_guarded(module, path, &mut Vec::new())
    }

    /// Adds a module whose child modules are in `dir`. Returns its index.
    fn add(&mut self, file: PathBuf, dir: &Path, items: Vec<Item>, parent: usize) -> usize {
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
            self.add_child(index, dir, child);
        }
        index
    }

    fn add_child(&mut self, parent: usize, dir: &Path, child: ItemMod) {
        let name = child.ident.to_string();
        let child_dir = dir.join(&name);
        let index = if let Some((_, items)) = child.content {
            self.add(self.0[parent].file.clone(), &child_dir, items, parent)
        } else {
            let file = dir.join(format!("{name}.rs"));
            let file = if file.exists() { file } else { child_dir.join("mod.rs") };
            let items = parse(&file);
            self.add(file, &child_dir, items, parent)
        };
        self.0[parent].names.entry(name).or_default().push(Binding::Module(index));
    }

    /// Like [`Modules::resolve`]. `pending` contains the imports that are being resolved, so that a cyclic import
    /// does not recurse forever.
    fn resolve_guarded<'a>(
        &'a self,
        module: usize,
        path: &[String],
        pending: &mut Vec<(usize, &'a [String])>,
    ) -> Vec<Target<'a>> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        let targets = match first.as_str() {
            "crate" => vec![Target::Module(0)],
            "self" => vec![Target::Module(module)],
            "super" => vec![Target::Module(self.0[module].parent)],
            name => self.look_up(module, name, pending),
        };
        self.follow(targets, rest, pending)
    }

    /// Resolves the rest of a path whose first part refers to these targets.
    fn follow<'a>(
        &'a self,
        targets: Vec<Target<'a>>,
        rest: &[String],
        pending: &mut Vec<(usize, &'a [String])>,
    ) -> Vec<Target<'a>> {
        let Some((name, rest)) = rest.split_first() else { return targets };
        let mut inner = Vec::new();
        for target in &targets {
            let Target::Module(index) = *target else { continue };
            let next = match name.as_str() {
                "super" => vec![Target::Module(self.0[index].parent)],
                name => self.look_up(index, name, pending),
            };
            inner.extend(self.follow(next, rest, pending));
        }
        if inner.is_empty() {
            // The rest of the path is the name of a variant or an associated item.
            inner.extend(targets.into_iter().filter(|target| matches!(target, Target::Item(..))));
        }
        inner
    }

    /// Finds the targets of a name in the module with this index.
    fn look_up<'a>(
        &'a self,
        index: usize,
        name: &str,
        pending: &mut Vec<(usize, &'a [String])>,
    ) -> Vec<Target<'a>> {
        let module = &self.0[index];
        let mut targets = Vec::new();
        let bindings = module.names.get_key_value(name);
        for (name, binding) in bindings
            .into_iter()
            .flat_map(|(name, all)| all.iter().map(move |binding| (name, binding)))
        {
            match binding {
                Binding::Module(child) => targets.push(Target::Module(*child)),
                Binding::Item => targets.push(Target::Item(index, name)),
                Binding::Import(path) => targets.extend(self.resolve_import(index, path, pending)),
            }
        }
        if targets.is_empty() {
            for glob in &module.globs {
                let imported = self.resolve_import(index, glob, pending);
                let modules =
                    imported.into_iter().filter(|target| matches!(target, Target::Module(_)));
                let path = [name.to_owned()];
                targets.extend(self.follow(modules.collect(), &path, pending));
            }
        }
        targets
    }

    fn resolve_import<'a>(
        &'a self,
        index: usize,
        path: &'a [String],
        pending: &mut Vec<(usize, &'a [String])>,
    ) -> Vec<Target<'a>> {
        if pending.contains(&(index, path)) {
            return Vec::new();
        }
        pending.push((index, path));
        let targets = self.resolve_guarded(index, path, pending);
        pending.pop();
        targets
    }
}

fn parse(file: &Path) -> Vec<Item> {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display())).items
}

/// Returns the leaves of a `use` declaration.
pub(super) fn leaves(declaration: &ItemUse) -> Vec<Import> {
    let mut found = Vec::new();
    if declaration.leading_colon.is_none() {
        collect_leaves(&declaration.tree, &[], &mut found);
    }
    found
}

fn collect_leaves(tree: &UseTree, prefix: &[String], found: &mut Vec<Import>) {
    let path_to = |name: String| -> Vec<String> {
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
            let path = path_to(leaf.ident.to_string());
            found.push(Import { name: path.last().cloned(), path });
        }
        UseTree::Rename(leaf) => {
            let name = Some(leaf.rename.to_string());
            found.push(Import { path: path_to(leaf.ident.to_string()), name });
        }
        UseTree::Glob(_) => found.push(Import { path: prefix.to_vec(), name: None }),
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| collect_leaves(tree, prefix, found));
        }
    }
}

/// Returns the imports of a module, including those inside function bodies.
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
