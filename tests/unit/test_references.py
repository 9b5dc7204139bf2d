"""Names of images that are given by reference: the same for each tag, and apart where two are measured together."""

from __future__ import annotations

from pathlib import Path

import pytest

from memcap.errors import SelectionError
from memcap.model import ImageSource
from memcap.model.names import image_name, is_stored_name, tagged_image_name
from memcap.references import choose_images, image_by_word, is_reference

DIGEST = "sha256:" + "0123456789abcdef" * 4
PROD = ImageSource(name="prod", directory=Path("images/prod"))


@pytest.mark.parametrize(
    ("reference", "name", "tagged"),
    [
        ("shop/prod:1.0", "shop_prod", "shop_prod_1_0"),
        ("shop/prod", "shop_prod", "shop_prod"),
        ("localhost:5000/shop/prod:1.0", "localhost_5000_shop_prod", "localhost_5000_shop_prod_1_0"),
        ("localhost:5000/shop/prod", "localhost_5000_shop_prod", "localhost_5000_shop_prod"),
        (f"shop/prod:1.0@{DIGEST}", "shop_prod", "shop_prod_1_0_0123456789ab"),
        (f"shop/prod@{DIGEST}", "shop_prod", "shop_prod_0123456789ab"),
        (DIGEST, DIGEST.replace(":", "_"), DIGEST.replace(":", "_")),
        ("con:1", "con_1", "con_1"),
        (":1", "1", "1"),
        ("::", "", ""),
    ],
)
def test_a_name_has_no_tag(reference: str, name: str, tagged: str) -> None:
    assert (image_name(reference), tagged_image_name(reference)) == (name, tagged)
    assert is_stored_name(name) or not name


def test_a_word_binds_a_name() -> None:
    assert image_by_word("prod=shop/prod:1.1") == ImageSource(name="prod", reference="shop/prod:1.1")
    assert choose_images(["prod=shop/prod:1.1"], {"prod": PROD}) == (
        ImageSource(name="prod", reference="shop/prod:1.1"),
    )
    assert choose_images(["prod"], {"prod": PROD}) == (PROD,)


@pytest.mark.parametrize("word", ["=shop/prod:1.1", "my prod=shop/prod", "a-b=shop/prod", "prod=", "prod=::", "A=b"])
def test_what_binds_nothing_is_refused(word: str) -> None:
    with pytest.raises(SelectionError) as refused:
        image_by_word(word)
    assert "my/prod:1.4" in refused.value.remedy


def test_two_tags_of_one_image_keep_them_and_names_that_were_given_stay() -> None:
    both = choose_images(["shop/prod:1.0", "shop/prod:1.1", "redis:7"], {})
    assert [image.name for image in both] == ["shop_prod_1_0", "shop_prod_1_1", "redis"]
    bound = choose_images(["shop_prod=other:1", "shop/prod:1.1"], {})
    assert [image.name for image in bound] == ["shop_prod", "shop_prod_1_1"]


@pytest.mark.parametrize("words", [("prod=a:1", "prod=b:1"), ("a/b:1.0", "a_b:1_0"), ("prod", "prod=b:1")])
def test_names_that_are_the_same_all_the_same_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(SelectionError, match="the same name") as refused:
        choose_images(words, {"prod": PROD})
    assert "NAME=REFERENCE" in refused.value.remedy


def test_what_cannot_be_a_mere_name() -> None:
    assert all(map(is_reference, ("a:1", "a/b", "a@sha256:1", "a=b")))
    assert not is_reference("py312")
