//! The uses of names between the files of a crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{Visit, visit_impl_item_fn, visit_macro, visit_meta_list, visit_path};
use syn::{ImplItemFn, ItemMacro, ItemMod, ItemUse, Macro, MetaList};

use super::modules::{Modules, Target, has_cfg_test, is_reexport, leaves};

/// The names that one file (the first) uses from another (the second).
pub(super) type Uses = BTreeMap<(PathBuf, PathBuf), BTreeSet<String>>;

/// Collects the uses in the crate whose root is `file`.
pub(super) fn uses_in(file: &Path) -> Uses {
    let modules = Modules::read(file);
    let mut uses = Uses::new();
    for (index, module) in modules.iter() {
        let mut collector = Collector { modules: &modules, index, uses: &mut uses };
        module.items.iter().for_each(|item| collector.visit_item(item));
    }
    uses
}

struct Collector<'a> {
    modules: &'a Modules,
    index: usize,
    uses: &'a mut Uses,
}

impl Collector<'_> {
    fn add(&mut self, path: &[String]) {
        for target in self.modules.resolve(self.index, path) {
            if let Target::Item(defined_in, name) = target {
                self.add_use(defined_in, name);
            }
        }
    }

    fn add_use(&mut self, defined_in: usize, name: &str) {
        let user = &self.modules.get(self.index).file;
        let definer = &self.modules.get(defined_in).file;
        if user != definer {
            let names = self.uses.entry((user.clone(), definer.clone())).or_default();
            names.insert(name.to_owned());
        }
    }

    /// Adds a re-export, unless a descendant of this module defines the item: a parent that declares the API of its
    /// children does not use them.
    fn add_reexport(&mut self, path: &[String]) {
        for target in self.modules.resolve(self.index, path) {
            match target {
                Target::Item(child, _) if self.modules.is_inside(child, self.index) => {}
                Target::Item(other, name) => self.add_use(other, name),
                Target::Module(_) => {}
            }
        }
    }

    /// Adds the paths in a macro or attribute. Since these are not parsed, every sequence of tokens that looks like a
    /// path with several segments counts.
    fn add_tokens(&mut self, tokens: &TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens.clone() {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.add_token_path(&mut path);
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                other => {
                    self.add_token_path(&mut path);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.add_tokens(&group.stream());
                    }
                }
            }
        }
        self.add_token_path(&mut path);
    }

    fn add_token_path(&mut self, path: &mut Vec<String>) {
        if path.len() > 1 {
            self.add(path);
        }
        path.clear();
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item_mod(&mut self, _: &'ast ItemMod) {
        // Every module is visited separately.
    }

    fn visit_item_use(&mut self, declaration: &'ast ItemUse) {
        for import in leaves(declaration) {
            match &import.name {
                Some(_) if is_reexport(declaration) => self.add_reexport(&import.path),
                _ => self.add(&import.path),
            }
        }
    }

    fn visit_impl_item_fn(&mut self, method: &'ast ImplItemFn) {
        if !has_cfg_test(&method.attrs) {
            visit_impl_item_fn(self, method);
        }
    }

    fn visit_item_macro(&mut self, item: &'ast ItemMacro) {
        // A `macro_rules!` definition uses nothing until it is expanded.
        if item.ident.is_none() {
            self.visit_macro(&item.mac);
        }
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.add_tokens(&call.tokens);
        visit_macro(self, call);
    }

    fn visit_meta_list(&mut self, list: &'ast MetaList) {
        self.add_tokens(&list.tokens);
        visit_meta_list(self, list);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let names: Vec<String> =
                path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.add(&names);
        }
        visit_path(self, path);
    }
}
