"""Larger networks that are trained on the same digits, and what they say of distorted ones."""

from lecun89.teachers.labelling import label
from lecun89.teachers.member import train_member
from lecun89.teachers.recipe import RECIPES, Recipe, get_recipe

__all__ = ["RECIPES", "Recipe", "get_recipe", "label", "train_member"]
