"""Every kind of fault: the text, the line and path that are named, what was found and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

from wallet_api.program_file import DefinitionFaults, read_definition

Complete = Callable[[str], str]

RULE = "earning:\n  - {id: r, on: sale, earn: 1, "
VISIT = "earning:\n  - {id: r, on: check_in, earn: 1, "
REWARD = "rewards:\n  - {id: r, price: 5 points, "
WORKOUT = "earning:\n  - {id: r, on: activity, kind: workout, "
BANDS = "earning:\n  - id: r\n    on: sale\n    bands:\n"
PROMOTION = "earning: [{id: r, on: sale, earn: 1, per: 1.00}]\npromotions:\n  - {id: p, "
TURNS = "rewards: [{id: mug, gives: {item: x}}]\nunits:\n  points: {turns_into: "
LEVELS = "tiers:\n  measure: spend\n  period: calendar year\n  valid: rest of the year\n  then: as earned in the last period\n  levels:\n"


class Case(NamedTuple):
    text: str
    line: int
    path: str
    found: str
    expected: str


CASES = {
    # YAML itself
    "tab": Case("brand:\n\tname: X", 2, "", "a tab stands here", "indent with spaces"),
    "colon in a text": Case("name: My shop: the club", 1, "", "this `:` cannot stand here", "in quotes"),
    "text begins with percent": Case("name: %X", 1, "", "begins with `%`", "in quotes"),
    "brackets left open": Case("brand: {name: X", 2, "", "cannot be read", "look at this line and the one before"),
    "forbidden character": Case("name: ab\x07c", 1, "", "a character stands here that no text may hold", "remove it"),
    "escaped control character": Case('name: "a\\0b"', 1, "name", "a control character", "remove it"),
    "escaped lone surrogate": Case('name: "\\uD800"', 1, "name", "a control character", "remove it"),
    "escape out of range": Case('name: "\\UFFFFFFFF"', 1, "", "out of range", "write the character itself"),
    "second document": Case("name: X\n---\nname: Y", 2, "", "a second document", "one file holds one program"),
    "alias": Case("brand: &b {name: X}\nterms_version: *b", 2, "terms_version", "`*b` repeats", "write that part out"),
    "anchor": Case("brand: &b {name: X}", 1, "brand", "`&b` names a part", "leave it out"),
    "tag": Case("name: !!str X", 1, "name", "the tag `tag:yaml.org,2002:str` stands here", "leave it out"),
    "key twice": Case("name: X\nname: Y", 2, "name", "the key `name` stands twice, first in line 1", "keep one"),
    "key is a list": Case("? [a]\n: 1", 1, "", "this is not a key", "a key is one word"),
    "too deep": Case("journeys: " + "[" * 40 + "]" * 40, 1, "journeys" + "[0]" * 32, "more than 32 levels deep", "flatter"),
    "too many parts": Case("journeys: [" + "1," * 50_001 + "]", 1, "journeys[49997]", "more than 50000 keys", "split"),
    "too large": Case("# " + "é" * 600_000, 1, "", "larger than 1 MiB", "a file of its own"),
    # Shapes
    "unknown key": Case("brand: {nam: X}", 1, "brand.nam", "the key `nam` is unknown", "did you mean `name`?"),
    "unknown key, none near": Case("gifts: {zzz: 1}", 1, "gifts.zzz", "the key `zzz` is unknown", "keys here: `welcome`"),
    "missing key": Case("earning:\n  - {id: r, on: sale}", 2, "earning[0]", "none of `earn`, `bands`, `by_streak` and `by` stands here", "just one: `earn`"),
    "nothing written": Case("name:", 1, "name", "nothing is written here", "here belongs a text"),
    "null is no text": Case("name: null", 1, "name", "`null` does not fit", "put it in quotes if you mean the word"),
    "null is no id": Case("program: null", 1, "program", "`null` does not fit", "put it in quotes if you mean the word"),
    "truth is no id": Case("units: {true: {}}", 1, "units.true", "`true` does not fit", "put it in quotes"),
    "long key": Case("brand: {" + "x" * 65 + ": 1}", 1, "brand", "this is not a key", "at most 64 letters"),
    "key on two lines": Case('brand: {"a\\nb": 1}', 1, "brand", "this is not a key", "a key is one word"),
    "word on two lines": Case('currency: "EU\\nR"', 1, "currency", "`EU R` is unknown", "did you mean `EUR`?"),
    "empty text": Case('name: " "', 1, "name", "an empty text stands here", "here belongs a text"),
    "long text": Case("name: " + "x" * 61, 1, "name", "`xxxx", "at most 60 characters"),
    "text on two lines": Case('name: "a\\nb"', 1, "name", "does not fit", "on one line"),
    "list for a text": Case("name: [X]", 1, "name", "a list stands here", "here belongs a text"),
    "text for a list": Case(RULE + "tags: coffee}", 2, "earning[0].tags", "`coffee` does not fit", "a list of 1"),
    "empty list": Case(RULE + "tags: []}", 2, "earning[0].tags", "a list of 0 stands here", "a list of 1 to 100"),
    "text for keys": Case("brand: X", 1, "brand", "`X` does not fit", "name, colours and logo"),
    "keys for a number": Case("units: {points: {decimals: {}}}", 1, "units.points.decimals", "keys and values", "0 to 4"),
    "no keys": Case("units: {}", 1, "units", "0 keys stand here", "units by their ids, at most 20"),
    "list for units": Case("units: [points]", 1, "units", "a list stands here", "units by their ids"),
    "text for journeys": Case("journeys: none", 1, "journeys", "`none` does not fit", "a list of worked examples"),
    "bad id": Case("program: My Shop", 1, "program", "`My Shop` does not fit", "an id such as `my-shop`"),
    "id without a letter": Case("units: {2026: {}}", 1, "units.2026", "`2026` does not fit", "the id of a unit"),
    "id too long": Case(f"program: {'x' * 41}", 1, "program", "does not fit", "an id such as"),
    "bad number": Case("earning:\n  - {id: r, on: sale, earn: '5'}", 2, "earning[0].earn", "`5` does not fit", "quotes"),
    "negative number": Case("earning:\n  - {id: r, on: sale, earn: -5}", 2, "earning[0].earn", "`-5`", "a number such as"),
    "sexagesimal number": Case(RULE + "per: 12:30}", 2, "earning[0].per", "`12:30` does not fit", "such as 5.00"),
    "currency sign": Case(RULE + "minimum: 5 €}", 2, "earning[0].minimum", "`5 €` does not fit", "a currency sign"),
    "whole number out of bounds": Case("units: {points: {decimals: 5}}", 1, "units.points.decimals", "`5`", "from 0 to 4"),
    "unknown event": Case("earning:\n  - {id: r, on: sail, earn: 1}", 2, "earning[0].on", "`sail` is unknown", "`sale`?"),
    "bad choice": Case("tiers: {valid: []}", 1, "tiers.valid", "a list stands here", "one of `rest of the year`"),
    "bad price": Case("gifts: {welcome: {earn: 50}}", 1, "gifts.welcome.earn", "`50` does not fit", "`500 points`"),
    "bad limit": Case(RULE + "at_most: daily}", 2, "earning[0].at_most", "`daily` does not fit", "`1 per day`"),
    "half a time": Case(RULE + "at_most: 1.5 per day}", 2, "earning[0].at_most", "`1.5 per day`", "`1 per day`"),
    "bad span": Case(REWARD + "gives: {item: x}, valid: 0 days}", 2, "rewards[0].valid", "`0 days`", "`60 days`"),
    "bad colour": Case("brand: {colours: {text: red}}", 1, "brand.colours.text", "`red` does not fit", "'#1f2937'"),
    "bad language": Case("languages: [english]", 1, "languages[0]", "`english` does not fit", "such as `en`"),
    "language that is none": Case("languages: [en, zz]", 1, "languages[1]", "`zz` does not fit", "such as `en`"),
    "unknown currency": Case("currency: EURO", 1, "currency", "`EURO` is unknown", "did you mean `EUR`?"),
    "currency is a list": Case("currency: [EUR]", 1, "currency", "a list stands here", "such as `EUR`"),
    "unknown time zone": Case("time_zone: Europe/Pariss", 1, "time_zone", "is unknown", "did you mean `Europe/Paris`?"),
    "the machine's time zone": Case("time_zone: localtime", 1, "time_zone", "is unknown", "such as `Europe/Paris`"),
    "unknown message kind": Case("messages: {welcom: X}", 1, "messages.welcom", "`welcom` is unknown", "`welcome`?"),
    "message without body": Case("messages: {welcome: {en: {title: X}}}", 1, "messages.welcome.en", "`body` is missing", "500"),
    "expires both ways": Case(
        "units: {points: {expires: {after: 1 year, after_inactivity: 1 year}}}",
        1, "units.points.expires", "`after` and `after_inactivity` stand here", "just one",
    ),
    "expires no way": Case("units: {points: {expires: {}}}", 1, "units.points.expires", "none of `after`", "just one: `after`"),
    "gives two things": Case(
        REWARD + "gives: {money_off: 1, item: x}}", 2, "rewards[0].gives", "`money_off` and `item`", "just one"
    ),
    # What parts mean together
    "language twice": Case("languages: [en, en]", 1, "languages[1]", "a language `en` stands already in line 1", "once"),
    "language not spoken": Case("name: {en: A, de: B}", 1, "name.de", "`de` is not one of the program's languages", "`en`"),
    "message in no language": Case("messages: {welcome: {de: B}}", 1, "messages.welcome.de", "`de` is not one", "`languages`"),
    "unit name in no language": Case("units: {points: {name: {de: B}}}", 1, "units.points.name.de", "`de` is not one", "fr"),
    "contrast": Case(
        "brand: {colours: {background: '#ffffff', text: '#eeeeee'}}",
        1, "brand.colours.text", "the text #eeeeee can hardly be read on #ffffff, their contrast is 1.2", "at least 3",
    ),
    "contrast with the usual text": Case(
        "brand: {colours: {background: '#ffffff'}}", 1, "brand.colours.background", "the text #ffffff", "at least 3"
    ),
    "contrast of the label": Case(
        "brand: {colours: {background: '#000000', label: '#111111'}}", 1, "brand.colours.label", "the label", "at least 3"
    ),
    "logo without files": Case("brand: {logo: a.jpg}", 1, "brand.logo", "there is no file `a.jpg`", "a PNG file"),
    "logo elsewhere": Case("brand: {logo: ../a.png}", 1, "brand.logo", "`../a.png` leads out of this folder", "beside"),
    "logo from the root": Case("brand: {logo: /a.png}", 1, "brand.logo", "leads out of this folder", "beside"),
    "logo from the web": Case("brand: {logo: 'https://a/b.png'}", 1, "brand.logo", "leads out of this folder", "beside"),
    "logo is a JPEG": Case("brand: {logo: photo.png}", 1, "brand.logo", "the logo is not a PNG image", "save it as PNG"),
    "logo too large": Case("brand: {logo: large.png}", 1, "brand.logo", "the logo has 524289 bytes", "at most 524288"),
    "logo not base64": Case(
        "brand: {logo: 'data:image/png;base64,?'}", 1, "brand.logo", "this logo cannot be read", "the image in base64"
    ),
    "logo of another type": Case("brand: {logo: 'data:image/gif;base64,AA=='}", 1, "brand.logo", "cannot be read", "png"),
    "unit called spend": Case("units: {spend: {}}", 1, "units.spend", "a unit cannot be called `spend`", "money spent"),
    "unknown unit": Case(RULE + "unit: point}", 2, "earning[0].unit", "there is no unit `point`", "`points`?"),
    "which unit": Case(
        "units: {a: {}, b: {}}\n" + RULE + "}", 3, "earning[0]", "does not say which unit it gives", "`a`, `b`"
    ),
    "no unit at all": Case("gifts: {welcome: {earn: 5 stars}}", 1, "gifts.welcome.earn", "no unit `stars`", "`points`"),
    "rule twice": Case(
        RULE + "}\n  - {id: r, on: join, earn: 1}", 3, "earning[1].id", "a rule `r` stands already in line 2", "once"
    ),
    "welcome twice": Case(
        "earning:\n  - {id: welcome, on: join, earn: 1}\ngifts: {welcome: {earn: 5 points}}",
        3, "gifts.welcome", "a rule `welcome` stands already in line 2", "once",
    ),
    "per without money": Case(VISIT + "per: 1.00}", 2, "earning[0].per", "`per` needs a sale, and this rule is on `check_in`", "sale"),
    "tags without lines": Case(VISIT + "tags: [a]}", 2, "earning[0].tags[0]", "`tags` needs a sale", "leave out `tags`"),
    "not_tags without lines": Case(VISIT + "not_tags: [a]}", 2, "earning[0].not_tags[0]", "`not_tags` needs a sale", "on: sale"),
    "minimum without money": Case(VISIT + "minimum: 1}", 2, "earning[0].minimum", "`minimum` needs a sale", "leave out"),
    "earn nothing": Case("earning:\n  - {id: r, on: sale, earn: 0}", 2, "earning[0].earn", "what the rule gives is 0", "above 0"),
    "per nothing": Case(RULE + "per: 0}", 2, "earning[0].per", "`per` is 0", "above 0"),
    "earn not exact": Case(
        "earning:\n  - {id: r, on: sale, earn: 1.5}",
        2, "earning[0].earn", "1.5 has too many decimals", "points has no decimals; set `units.points.decimals`",
    ),
    "money not exact": Case(RULE + "per: 1.005}", 2, "earning[0].per", "1.005 has too many decimals", "EUR has at most 2"),
    "money of a currency without cents": Case(
        "currency: JPY\n" + RULE + "per: 1.5}", 3, "earning[0].per", "1.5 has too many decimals", "JPY has no decimals"
    ),
    "gift cards": Case(RULE + "tags: [gift-card]}", 2, "earning[0].tags[0]", "lines tagged `gift-card` never earn", "other"),
    "tag on both sides": Case(
        RULE + "tags: [a], not_tags: [a]}", 2, "earning[0].tags[0]", "`a` stands in `tags` and in `not_tags`", "keep one"
    ),
    "unknown tier in a rule": Case(RULE + "tiers: [golden]}", 2, "earning[0].tiers[0]", "there is no tier `golden`", "`gold`?"),
    "unknown tier in a reward": Case(
        REWARD + "gives: {item: x}, tiers: [vip]}", 2, "rewards[0].tiers[0]", "there is no tier `vip`", "tiers here: `bronze`"
    ),
    "limit of an unknown unit": Case(
        RULE + "at_most: 5 stars per day}", 2, "earning[0].at_most", "there is no unit `stars`", "`points`"
    ),
    "limit of another unit": Case(
        "units: {a: {}, b: {}}\n" + RULE + "unit: a, at_most: 5 b per day}",
        3, "earning[0].at_most", "the limit counts b, and the rule gives a", "count a here",
    ),
    "limit of nothing": Case(RULE + "at_most: 0 per day}", 2, "earning[0].at_most", "the limit is 0", "above 0"),
    "unknown measure": Case("tiers: {measure: spent}", 1, "tiers.measure", "`spent` is neither `spend` nor a unit", "`spend`?"),
    "tier twice": Case(
        LEVELS + "    - {id: a, from: 0}\n    - {id: a, from: 5}", 8, "tiers.levels[1].id", "a tier `a` stands already", "once"
    ),
    "first level above 0": Case(LEVELS + "    - {id: a, from: 1}", 7, "tiers.levels[0].from", "begins at 1", "begin at 0"),
    "thresholds fall": Case(
        LEVELS + "    - {id: a, from: 0}\n    - {id: b, from: 350}\n    - {id: c, from: 300}",
        9, "tiers.levels[2].from", "300 is not above the 350 of the level before", "thresholds rise",
    ),
    "threshold not exact": Case(
        LEVELS + "    - {id: a, from: 0}\n    - {id: b, from: 1.001}", 8, "tiers.levels[1].from", "too many decimals", "EUR"
    ),
    "reward twice": Case(
        REWARD + "gives: {item: x}}\n  - {id: r, price: 1 points, gives: {item: x}}",
        3, "rewards[1].id", "a reward `r` stands already in line 2", "once",
    ),
    "reward for nothing": Case("rewards:\n  - {id: r, price: 0 points, gives: {item: x}}", 2, "rewards[0].price", "is 0", "above 0"),
    "reward of nothing": Case(REWARD + "gives: {money_off: 0.00}}", 2, "rewards[0].gives.money_off", "`money_off` is 0", "above 0"),
    "reward in an unknown unit": Case(
        "rewards:\n  - {id: r, price: 5 pts, gives: {item: x}}", 2, "rewards[0].price", "there is no unit `pts`", "`points`?"
    ),
    "item that needs a purchase": Case(
        REWARD + "gives: {item: x}, needs_purchase_of: 5.00}",
        2, "rewards[0].needs_purchase_of", "an item is handed over without a purchase", "leave this key out",
    ),
    # Earning in other ways
    "kinds of amount together": Case(
        VISIT + "by_streak: [1, 2]}", 2, "earning[0]", "`earn` and `by_streak` stand here", "just one: `earn`, `bands`"
    ),
    "activity of no kind": Case(
        "earning:\n  - {id: r, on: activity, earn: 1}", 2, "earning[0]", "which kind of activity does not", "`kind: workout`"
    ),
    "kind of a sale": Case(RULE + "kind: run}", 2, "earning[0].kind", "`kind` needs an activity", "`on: activity`"),
    "bands of visits": Case(
        "earning:\n  - {id: r, on: check_in, bands: [{up_to: 5, earn: 1}, {earn: 2}]}",
        2, "earning[0].bands[0]", "`bands` needs a sale", "`on: sale`",
    ),
    "streak of sales": Case(
        "earning:\n  - {id: r, on: sale, by_streak: [1, 2]}", 2, "earning[0].by_streak[0]", "`by_streak` needs a visit", "check_in"
    ),
    "field of a sale": Case(
        "earning:\n  - {id: r, on: sale, by: {field: a, table: {b: 1}}}", 2, "earning[0].by", "`by` needs an activity", "leave"
    ),
    "each of visits": Case(VISIT + "each: item}", 2, "earning[0].each", "`each` needs a sale or an activity", "`on: activity`"),
    "each of what a sale has not": Case(RULE + "each: quantity}", 2, "earning[0].each", "a sale brings no `quantity`", "each: item"),
    "each and per": Case(RULE + "each: item, per: 1.00}", 2, "earning[0].each", "without `per`", "keep one of the ways"),
    "each by tier": Case(
        "earning:\n  - {id: r, on: sale, earn: {gold: 1}, each: item}", 2, "earning[0].each", "one number in `earn`", "keep one"
    ),
    "per with bands": Case(
        BANDS + "      - {up_to: 5, earn: 1}\n      - {earn: 2}\n    per: 1", 7, "earning[0].per", "`per` goes with `earn`", "leave"
    ),
    "by tier without per": Case(
        "earning:\n  - {id: r, on: sale, earn: {gold: 1}}", 2, "earning[0]", "`per` is missing", "`per: 1.00`"
    ),
    "by a tier that is none": Case(
        "earning:\n  - {id: r, on: sale, per: 1, earn: {golden: 1}}", 2, "earning[0].earn.golden", "no tier `golden`", "`gold`?"
    ),
    "nothing in a tier": Case(
        "earning:\n  - {id: r, on: sale, per: 1, earn: {gold: 0}}", 2, "earning[0].earn.gold", "the rule gives is 0", "above 0"
    ),
    "one band": Case(BANDS + "      - {earn: 2}", 5, "earning[0].bands", "a list of 1 stands here", "a list of 2 to 50"),
    "bands fall": Case(
        BANDS + "      - {up_to: 60, earn: 1}\n      - {up_to: 60.00, earn: 2}\n      - {earn: 3}",
        6, "earning[0].bands[1].up_to", "60.00 is not above the band before", "the bands rise",
    ),
    "band without end amid others": Case(
        BANDS + "      - {earn: 1}\n      - {up_to: 60, earn: 2}\n      - {earn: 3}",
        5, "earning[0].bands[0]", "a band without `up_to` has no end, and more follow", "put it last",
    ),
    "bands that end": Case(
        BANDS + "      - {up_to: 30, earn: 1}\n      - {up_to: 60, earn: 2}",
        6, "earning[0].bands[1].up_to", "the last band ends here", "leave out its `up_to`",
    ),
    "streak of nothing": Case(
        "earning:\n  - {id: r, on: check_in, by_streak: [1, 0]}", 2, "earning[0].by_streak[1]", "gives is 0", "above 0"
    ),
    "value worth a fraction": Case(
        WORKOUT + "by: {field: a, table: {b: 1.5}}}", 2, "earning[0].by.table.b", "1.5 has too many decimals", "no decimals"
    ),
    "location of an activity": Case(
        WORKOUT + "earn: 1, locations: [x]}", 2, "earning[0].locations[0]", "`locations` needs a sale or a visit", "check_in"
    ),
    "quantity of a visit": Case(
        VISIT + "quantity_from: 2}", 2, "earning[0].quantity_from", "`quantity_from` needs an activity", "leave out"
    ),
    "quantity from nothing": Case(
        WORKOUT + "earn: 1, quantity_from: 0}", 2, "earning[0].quantity_from", "`quantity_from` is 0", "above 0"
    ),
    "fields of a sale": Case(RULE + "fields: {a: b}}", 2, "earning[0].fields.a", "`fields` needs an activity", "leave out"),
    "field that is a truth": Case(WORKOUT + "earn: 1, fields: {mail: true}}", 2, "earning[0].fields.mail", "`true`", "quotes"),
    "no such day": Case(RULE + "days: [2026-02-30]}", 2, "earning[0].days[0]", "`2026-02-30` does not fit", "`2026-03-28`"),
    "rule on no day": Case(RULE + "days: []}", 2, "earning[0].days", "a list of 0 stands here", "a list of 1"),
    "days that end before they begin": Case(
        RULE + "days: [2026-03-02 to 2026-03-01]}", 2, "earning[0].days[0]", "2026-03-01 is before 2026-03-02", "first day"
    ),
    "birthday no": Case(RULE + "birthday_month: no}", 2, "earning[0].birthday_month", "`no` is unknown", "`yes`"),
    "first visit": Case(VISIT + "first_in_month: yes}", 2, "earning[0].first_in_month", "needs a sale", "leave out"),
    "shared without a limit": Case(VISIT + "shared: a}", 2, "earning[0].shared", "`shared` is about a limit", "`at_most`"),
    "beyond without a limit": Case(VISIT + "beyond: refused}", 2, "earning[0].beyond", "is about a limit", "`at_most`"),
    "sale refused": Case(
        RULE + "at_most: 1 per day, beyond: refused}", 2, "earning[0].beyond", "needs a visit or an activity", "leave out"
    ),
    "refused by units": Case(
        VISIT + "at_most: 5 points per day, beyond: refused}", 2, "earning[0].beyond", "only a limit of times", "`1 per day`"
    ),
    "shared limits that differ": Case(
        VISIT + "at_most: 1 per day, shared: a}\n  - {id: s, on: check_in, earn: 1, at_most: 2 per day, shared: a}",
        3, "earning[1].at_most", "the limit `a` is another one in line 2", "say the same",
    ),
    "limits that meet": Case(
        VISIT + "at_most: 1 per day}\n" + REWARD + "gives: {item: x}, limit: 1 per year}",
        4, "rewards[0].id", "`r` names a reward with a limit, and in line 2 already a rule with a limit", "another name",
    ),
    # Promotions
    "promotion twice": Case(
        PROMOTION + "multiply: 2}\n  - {id: p, multiply: 3}", 4, "promotions[1].id", "a promotion `p` stands already", "once"
    ),
    "promotion called like a rule": Case(
        "earning: [{id: p, on: sale, earn: 1, per: 1.00}]\npromotions:\n  - {id: p, multiply: 2}",
        3, "promotions[0].id", "`p` is the rule in line 1", "another id",
    ),
    "promotion in an unknown unit": Case(
        PROMOTION + "multiply: 2, unit: point}", 3, "promotions[0].unit", "there is no unit `point`", "`points`?"
    ),
    "promotion of which unit": Case(
        "units: {a: {}, b: {}}\npromotions:\n  - {id: p, multiply: 2}", 3, "promotions[0]", "`p` does not say which unit", "`b`"
    ),
    "promotion of what has no rate": Case(
        VISIT + "}\npromotions:\n  - {id: p, multiply: 2}", 4, "promotions[0]", "no rule gives points at a rate", "`per`"
    ),
    "promotion for an unknown tier": Case(
        PROMOTION + "multiply: 2, tiers: [vip]}", 3, "promotions[0].tiers[0]", "there is no tier `vip`", "tiers here"
    ),
    "promotion of gift cards": Case(
        PROMOTION + "multiply: 2, tags: [gift-card]}", 3, "promotions[0].tags[0]", "`gift-card` never earn", "other tags"
    ),
    "promotion that ends first": Case(
        PROMOTION + "multiply: 2, days: [2026-03-02 to 2026-03-01]}", 3, "promotions[0].days[0]", "is before", "the last"
    ),
    "promotion of nothing": Case(
        PROMOTION + "multiply: 1}", 3, "promotions[0].multiply", "times 1 gives nothing more", "above 1"
    ),
    # Units and rewards
    "expires at the wrong end": Case(
        "units: {points: {expires: end of month}}", 1, "units.points.expires", "`end of month` is unknown", "`end of year`?"
    ),
    "turns into an unknown reward": Case(
        TURNS + "{reward: mugs, every: 9}}", 3, "units.points.turns_into.reward", "there is no reward `mugs`", "`mug`?"
    ),
    "turns at nothing": Case(TURNS + "{reward: mug, every: 0}}", 3, "units.points.turns_into.every", "`every` is 0", "above 0"),
    "turns at a fraction": Case(
        TURNS + "{reward: mug, every: 1.5}}",
        3, "units.points.turns_into.every", "1.5 has too many decimals", "points has no decimals",
    ),
    "turns into units": Case(
        "rewards: [{id: mug, gives: {units: 5 points}}]\nunits:\n  points: {turns_into: {reward: mug, every: 9}}",
        3, "units.points.turns_into.reward", "units turn into a voucher, and `mug` gives units", "money off",
    ),
    "gift without a limit": Case(
        "rewards:\n  - {id: r, gives: {item: x}}", 2, "rewards[0]", "the reward `r` costs nothing", "its `price`, or a `limit`"
    ),
    "percent without a sign": Case(REWARD + "gives: {percent_off: 10}}", 2, "rewards[0].gives.percent_off", "`10`", "`10 %`"),
    "more than all": Case(
        REWARD + "gives: {percent_off: 100.5 %}}", 2, "rewards[0].gives.percent_off", "100.5 % cannot be taken off", "100 %"
    ),
    "no per cent": Case(REWARD + "gives: {percent_off: 0 %}}", 2, "rewards[0].gives.percent_off", "0 % cannot", "above 0 %"),
    "gives an unknown unit": Case(
        REWARD + "gives: {units: 5 stars}}", 2, "rewards[0].gives.units", "there is no unit `stars`", "`points`"
    ),
    "limit in units": Case(
        REWARD + "gives: {item: x}, limit: 5 points per year}", 2, "rewards[0].limit", "does not fit", "`1 per year`"
    ),
    "choice without a limit": Case(
        REWARD + "gives: {item: x}, choose_one: a}", 2, "rewards[0].choose_one", "a choice needs a limit", "`limit: 1 per year`"
    ),
    "choices that differ": Case(
        REWARD + "gives: {item: x}, limit: 1 per year, choose_one: a}\n"
        "  - {id: s, price: 5 points, gives: {item: x}, limit: 1 per month, choose_one: a}",
        3, "rewards[1].limit", "the limit `a` is another one in line 2", "say the same",
    ),
    "unknown season": Case(REWARD + "gives: {item: x}, season: birthday}", 2, "rewards[0].season", "`birthday`", "`birthday month`?"),
    "item on a sale": Case(
        REWARD + "gives: {item: x}, per_sale: 1}", 2, "rewards[0].per_sale", "an item is handed over without a purchase", "leave"
    ),
    "units that need a purchase": Case(
        REWARD + "gives: {units: 9 points}, needs_purchase_of: 5}",
        2, "rewards[0].needs_purchase_of", "units are put on the card without a purchase", "leave this key out",
    ),
    "units that are valid": Case(
        REWARD + "gives: {units: 9 points}, valid: 9 days}", 2, "rewards[0].valid", "without a voucher", "leave this key out"
    ),
    "unknown placeholder": Case(
        "messages:\n  welcome: {fr: {title: 'A', body: 'Hi {nam}'}}",
        2, "messages.welcome.fr.body", "{nam} is unknown", "welcome has {name}",
    ),
}  # fmt: skip


def files(path: str) -> bytes:
    return {"photo.png": b"\xff\xd8\xff\xe0", "large.png": b"\x89PNG\r\n\x1a\n" + b"0" * (512 * 1024 - 7)}[path]


def check_template(kind: str, text: str) -> Sequence[str]:
    return [f"{{nam}} is unknown; {kind} has {{name}}"] if "{nam}" in text else []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_fault_names_its_line_and_path_and_what_would_be_right(case: Case, complete: Complete) -> None:
    with pytest.raises(DefinitionFaults) as refused:
        read_definition(complete(case.text), files=files, check_template=check_template)

    named = [fault for fault in refused.value.faults if case.found in fault.found]
    assert [(fault.line, fault.path) for fault in named] == [(case.line, case.path)], str(refused.value)
    assert case.expected in named[0].expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: the file is empty; begin with `program: ` and an id"),
        ("# nothing yet", "line 1: the file is empty; begin with `program: ` and an id"),
        ("- 1", "line 1: a list stands here; here belongs a program, beginning with `program: ` and an id"),
        ("hello", "line 1: `hello` does not fit; here belongs a program, beginning with `program: ` and an id"),
    ],
)
def test_a_file_that_is_no_program_says_how_one_begins(text: str, fault: str) -> None:
    with pytest.raises(DefinitionFaults) as refused:
        read_definition(text)

    assert str(refused.value) == fault


def test_a_file_says_all_that_is_missing() -> None:
    with pytest.raises(DefinitionFaults) as refused:
        read_definition("terms_version: 1")

    missing = [fault.found for fault in refused.value.faults]
    assert missing == [f"`{key}` is missing" for key in ("program", "name", "currency", "time_zone", "languages")]


def test_a_fault_reads_as_one_line(complete: Complete) -> None:
    levels = "    - {id: a, from: 0}\n    - {id: b, from: 350}\n    - {id: c, from: 300}"

    with pytest.raises(DefinitionFaults) as refused:
        read_definition(complete(LEVELS + levels))

    assert str(refused.value) == (
        "line 9, tiers.levels[2].from: 300 is not above the 350 of the level before; thresholds rise"
    )
    assert refused.value.faults[0].column == 21


def test_all_faults_come_at_once_and_in_the_order_of_the_file(complete: Complete) -> None:
    text = complete(
        "currency: EURO\n"
        "units: {points: {decimals: 9}}\n"
        "earning:\n"
        "  - {id: a, on: sail, earn: 1, tiers: [golden]}\n"
        "  - {id: b, on: sale, earn: 1, unit: stars, per: 0}\n"
        "gifts: {welcom: 5}\n"
    )

    with pytest.raises(DefinitionFaults) as refused:
        read_definition(text)

    assert [(fault.line, fault.path) for fault in refused.value.faults] == [
        (1, "currency"),
        (2, "units.points.decimals"),
        (4, "earning[0].on"),
        (4, "earning[0].tiers[0]"),
        (5, "earning[1].unit"),
        (5, "earning[1].per"),
        (6, "gifts.welcom"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "units: {points: {nam: X}}\ngifts: {welcome: {earn: 5 points}}", id="a unit with a fault is known"
        ),
        pytest.param("units: [points]\ngifts: {welcome: {earn: 5 points}}", id="units that cannot be read at all"),
        pytest.param(LEVELS + "    - {id: a, from: x}\n" + RULE + "tiers: [a]}", id="a tier with a fault is known"),
        pytest.param(LEVELS + "    - {id: A, from: 0}\n" + RULE + "tiers: [a]}", id="a tier whose id cannot be read"),
        pytest.param("tiers: none\n" + RULE + "tiers: [a]}", id="tiers that cannot be read at all"),
        pytest.param(WORKOUT + "earn: {gold: 1}}", id="activity by tier"),
        pytest.param("earning:\n  - {id: r, on: activity, kind: 5, earn: 1}", id="a kind that cannot be read"),
        pytest.param("earning:\n  - {id: r, on: sale, earn: {gold: 1}, per: x}", id="a rate that cannot be read"),
        pytest.param(VISIT + "at_most: often, shared: a, beyond: refused}", id="a limit that cannot be read"),
        pytest.param("rewards:\n  - {id: r, price: x, gives: {item: x}}", id="a price that cannot be read"),
        pytest.param("rewards:\n  - {id: r, limit: x, gives: {item: x}, choose_one: a}", id="a gift's limit"),
        pytest.param(
            "units: [points]\nearning: [{id: r, on: sale, earn: 1, per: 1}]\n"
            "promotions: [{id: p, multiply: 2, unit: points}]",
            id="a promotion in units that cannot be read",
        ),
        pytest.param("rewards: none\nunits: {points: {turns_into: {reward: mug, every: 9}}}", id="no rewards read"),
        pytest.param(VISIT + "per: 1}\npromotions: [{id: p, multiply: 2}]", id="a promotion of a rule with a fault"),
        pytest.param("currency: EURO\n" + RULE + "per: 1.005}", id="a currency whose decimals are unknown"),
        pytest.param("languages: english\nname: {en: A}", id="languages that cannot be read at all"),
    ],
)
def test_one_mistake_brings_one_fault(text: str, complete: Complete) -> None:
    with pytest.raises(DefinitionFaults) as refused:
        read_definition(complete(text))

    assert len(refused.value.faults) == 1, str(refused.value)


def test_a_file_full_of_faults_is_given_up_after_a_hundred(complete: Complete) -> None:
    text = complete("\n".join(f"key{number}: 1" for number in range(500)))

    with pytest.raises(DefinitionFaults) as refused:
        read_definition(text)

    assert len(refused.value.faults) == 100


def test_a_logo_file_needs_someone_who_reads_files(complete: Complete) -> None:
    with pytest.raises(DefinitionFaults, match="line 1, brand.logo: no files come with this text"):
        read_definition(complete("brand: {logo: logo.png}"))
