"""What people and the brand say, and the names strangers choose to test us with.

Data flow: an intent and a random source -> sentences. All words here are our own.
"""

from __future__ import annotations

import numpy as np

COFFEES = [
    "Heron Blend",
    "Reedbed Espresso",
    "Tidal Decaf",
    "Marsh Light",
    "Lockkeeper",
    "Natural Huila",
    "Washed Sidama",
    "Peaberry Nyeri",
]
BREWERS = [
    "moka pot",
    "V60",
    "flat-bottom dripper",
    "French press",
    "lever machine",
    "cold-brew jar",
    "pocket press",
    "cezve",
]
TASTES = ["plum", "toasted hazelnut", "bergamot", "cocoa", "red apple", "brown sugar", "apricot", "cedar"]
PLACES = ["the harbour market", "Rua do Cais", "the Sunday stall", "our kitchen", "the night train", "the allotment"]

BRAND_POSTS = [
    "Fresh off the cooling tray: {coffee}, {taste} first and a long finish.",
    "Which brewer is on your counter this week? Ours is the {brewer}.",
    "We moved {coffee} one notch lighter. Tell us honestly what you taste.",
    "The roastery opens at seven tomorrow. Come and smell {coffee}.",
    "Notes from the cupping table: {taste}, {taste2}, and one argument about {coffee}.",
    "A small recipe for the {brewer}: sixteen grams, two pours, patience.",
    "{coffee} is nearly gone for this season. We will not blend it away.",
    "Why do we pay growers before the harvest? A short answer and a long one.",
    "The drum is back after its service. First batch: {coffee}.",
    "Question for the early risers: {brewer} or no coffee at all?",
    "We poured {coffee} at {place} and came home with empty flasks.",
    "Mistake of the week: we labelled {coffee} as decaf for an hour. Sorry.",
]
BLOG_TITLES = [
    "What a lighter roast does to {coffee}",
    "Brewing {coffee} with a {brewer}",
    "A visit to the washing station",
    "Why our bags now open without scissors",
    "Prices, explained with real numbers",
    "The case for the {brewer}",
    "Cupping notes: {coffee}",
    "Water is half of your cup",
]
QUESTIONS = [
    "How fine would you grind {coffee} for a {brewer}?",
    "Olá, is {coffee} coming back this month?",
    "Do you ship {coffee} to the islands?",
    "What water do you use with the {brewer}?",
    "Could I swap my next bag for {coffee}?",
    "Does {coffee} work as iced coffee?",
    "How long after roasting should I open {coffee}?",
    "Is the {brewer} recipe fine with a metal filter?",
]
PRAISE = [
    "{coffee} made my morning. I get {taste} all the way down.",
    "Third bag of {coffee} and still finding {taste} in it.",
    "Took {coffee} to {place} ☕ and nobody left a drop.",
    "You were right about the {brewer}, it is another drink.",
    "☕ {coffee}, {taste} and a quiet kitchen. Obrigada!",
]
COMPLAINTS = [
    "My bag of {coffee} arrived open, beans all over the box.",
    "Two weeks and still no {coffee}. What happened?",
    "The {brewer} recipe gave me mud. Twice.",
    "{coffee} tastes flat this time, no {taste} at all.",
]
STORIES = [
    "We drank {coffee} at {place} when my sister came home.",
    "My grandfather would have hated {coffee} and finished the pot.",
    "I tried the {brewer} with snow water once. Long story, good cup.",
]
FOLLOW_UPS = [
    "Tried it with the {brewer}: much better, more {taste} now.",
    "That helps. And would you rest it longer than a week?",
    "Good to know! I will report back after {place}.",
    "Done, thank you. Is {coffee} roasted the same way?",
    "Ha, fair. Then I will go a little coarser.",
]
ANSWERS = {
    "question": [
        "Start medium, then go finer until {taste} shows up.",
        "Yes, from the next roast on. We keep a bag aside for you.",
        "We would, with water just off the boil and the {brewer} rinsed.",
        "Ten days is our favourite, but six is fine.",
    ],
    "complaint": [
        "That should not happen. Send us the batch code and a new bag leaves today.",
        "Our fault, sorry. We looked it up: it goes out with the morning post.",
        "Thank you for saying it. Try two clicks coarser, and we will check that batch.",
    ],
    "praise": [
        "You made the whole drum room smile.",
        "{taste} is exactly what we were after. Thank you!",
        "Come by {place} on Sunday, the next pot is ours.",
    ],
    "story": ["We read this aloud at the bagging table.", "Now we want the long version. With {coffee}?"],
    "follow_up": [
        "Try a week and a half, then tell us.",
        "Good hands! More {taste} means you nailed it.",
        "Same roast, shorter rest. Curious what you find.",
    ],
    "contest": ["Lovely cup! Good luck.", "Counted. Good luck!"],
}
AUTOMATIC = [
    "Thank you for writing! A person will read this in our opening hours.",
    "Message received. Our desk answers on weekdays from eight.",
]
PEER = [
    "Same here, the {brewer} changed it for me.",
    "I had that too; a finer grind fixed it.",
    "Which filter do you use?",
    "Come on, {coffee} is not that bitter.",
    "We should swap bags some day.",
]
CONTEST_ENTRIES = [
    "My best cup, pick me!",
    "Here is my entry 🤞 fingers crossed.",
    "{coffee} at {place}. In for the grinder!",
    "Entering once more.",
]
SPAM = ["Make money from home, ask me how", "Cheap followers here", "You won a voucher, claim now"]
AGENCY = ["Now this is a brand that listens!", "Love this launch, well done team."]

PROMOTED = [
    "So happy to try {coffee} this week, you have to taste it!",
    "My kitchen smells of {coffee}. Best {taste} ever, go and get it.",
    "Obsessed with {coffee} and my {brewer}. Link in bio!",
]

HOSTILE_NAMES = [
    "<script>alert('moorhen')</script>",
    '=HYPERLINK("https://bad.example","free beans")',
    "+351 Ana",
    "@SUM(A1:A9)",
    "-2+3",
    "Rui \u202egnp.tac",
    "Bea\u0007 \u001b[31mRed\u001b[0m",
    "Zoë ☕️ 👩‍👩‍👧",
    'Kit O\'Brien, "the" <b>bold</b>',
    "",
    "名無しの珈琲",
    "قهوة الصباح",
    "tab\tand\nnewline",
    "Long " + "o" * 240,
    "{{ 7 * 7 }} %s ${HOME}",
    "'; drop table people; --",
]
HOSTILE_TEXTS = [
    "<img src=x onerror=alert(1)> is this thing on? & what about {coffee}?",
    "=1+1 was the price on my receipt, is that right?",
    "\u202eesrever ni ma I\u202c and the {brewer} too, any idea?",
    "Null\u200bwidth \u0008and bell \u0007 in one question?",
    "'; drop table beans; -- how do I grind this?",
    "☕️👩🏽‍🍳 does {coffee} fit the {brewer}? 🫖",
    "@everyone said {coffee} is back, is it?",
]
BIOS = ["Coffee, bikes, bad puns.", "Here for the beans.", "She/her · baker", "Opinions & espresso <3", "Reads labels."]
LOCATIONS = ["Lisboa", "by the river", "Porto", "Köln", "somewhere with a kettle"]
FIRST_NAMES = [
    "Ada",
    "Bruno",
    "Carla",
    "Davi",
    "Elsa",
    "Fabio",
    "Gala",
    "Hugo",
    "Iris",
    "Joel",
    "Kara",
    "Leon",
    "Mira",
    "Nico",
    "Olga",
    "Paul",
    "Quim",
    "Rosa",
    "Saul",
    "Tara",
    "Ugo",
    "Vera",
    "Wim",
    "Xana",
    "Yann",
    "Zita",
    "Abel",
    "Bela",
    "Ciro",
    "Dora",
    "Egon",
    "Flor",
    "Gil",
    "Hana",
    "Ivo",
    "Jana",
    "Kai",
    "Lia",
    "Max",
    "Nora",
    "Otto",
    "Pia",
    "Remo",
    "Sara",
    "Teo",
    "Una",
    "Vito",
    "Wanda",
    "Ximo",
    "Yara",
]
LAST_NAMES = [
    "Almeida",
    "Brandt",
    "Costa",
    "Duarte",
    "Esteves",
    "Faria",
    "Gomes",
    "Horta",
    "Inglez",
    "Jordao",
    "Klein",
    "Lemos",
    "Matos",
    "Novak",
    "Ortiz",
    "Pinto",
    "Quental",
    "Ramos",
    "Serra",
    "Tavares",
    "Ubach",
    "Vidal",
    "Weber",
    "Zanetti",
]


def fill_blanks(source: np.random.Generator, template: str) -> str:
    """One sentence from a template, with its blanks drawn from the word lists."""
    coffee, brewer, place = (words[int(source.integers(len(words)))] for words in (COFFEES, BREWERS, PLACES))
    first = int(source.integers(len(TASTES)))
    second = (first + 1 + int(source.integers(len(TASTES) - 1))) % len(TASTES)
    blanks = {"{coffee}": coffee, "{brewer}": brewer, "{place}": place, "{taste}": TASTES[first], "{taste2}": TASTES[second]}
    for blank, word in blanks.items():
        template = template.replace(blank, word)
    return template


def compose(source: np.random.Generator, templates: list[str]) -> str:
    """One filled sentence of a list of templates."""
    return fill_blanks(source, templates[int(source.integers(len(templates)))])
