"""Texts of 900 words with one wish in one of three places: ``python -m tests.models.serving.long_texts.nine_hundred``.

Around the wish is what a regular customer of a shop tells of themselves, in an order of its own for each text.
"""

import random
from collections.abc import Sequence

from triage_models import Classifier

WISHES = (
    ("WISMO", "where is my order, it should have been here last week"),
    ("WISMO", "can you tell me when my parcel will be delivered"),
    ("WISMO", "the tracking has not moved for six days, where is my package"),
    ("RETURN_REQUEST", "i would like to return the shoes and get my money back"),
    ("RETURN_REQUEST", "please send me a return label for the jacket"),
    ("RETURN_REQUEST", "how do i send the lamp back, i do not like it"),
    ("EXCHANGE_REQUEST", "i want to exchange the trousers for a size 42"),
    ("EXCHANGE_REQUEST", "can i swap the blue one for a red one"),
    ("CANCEL_ORDER", "please cancel my order, i do not need it any more"),
    ("CANCEL_ORDER", "i ordered by mistake, stop the order before it is sent"),
    ("DAMAGED_ITEM", "the vase arrived broken, there is a crack down one side"),
    ("DAMAGED_ITEM", "the kettle stopped working after two days"),
    ("DAMAGED_ITEM", "you sent me the wrong item, i got a toaster instead"),
    ("BILLING_DISPUTE", "i was charged twice for the same order"),
    ("BILLING_DISPUTE", "there is a charge on my card that i do not recognise"),
    ("ACCOUNT_ISSUE", "i cannot log in to my account, the password reset does not work"),
    ("ACCOUNT_ISSUE", "how do i change the e-mail address of my account"),
    ("PRODUCT_QUESTION", "is the green sofa available in a smaller size"),
    ("PRODUCT_QUESTION", "does the tent come with pegs and is it waterproof"),
    ("OTHER", "i would like to speak to a person, please call me back"),
)
"""Intents and wishes, as a customer types them."""

FILLER = """\
I have been a customer of yours since the shop in the old town opened. My mother bought her first lamp there and it
still stands on her desk. We are a family of five and we live a little outside the city, close to the river. My
husband works at the hospital and I teach at the primary school. Over the years we have bought quite a few things
from you. The first was a wooden table, which has survived three children and a dog. Then came the chairs, six of
them, in the light colour that was new at that time. I remember that the driver carried all of them up to the
second floor, which was very kind of him. Two winters ago we got the thick curtains for the living room. They keep
the cold out and look as good as on the first day. My sister liked them so much that she took the same ones in
grey. She lives in the north, where it is windy nearly all year. In spring we usually look through your new
catalogue together on a Sunday afternoon. The photographs are lovely and the children cut them out for their doll's
house. My daughter has built a whole kitchen out of last year's pages. Our youngest is four now and has just
started at the kindergarten around the corner. He is very proud of his yellow boots, which are also from you. Last
summer we spent two weeks at the lake with friends. It rained for three days and then the sun came out and stayed.
We had the big blue blanket with us and it was used every evening. When we came home, the garden had grown wild and
it took a week to tidy it. My husband built a small shed for the tools with the help of our neighbour. The
neighbour is a retired carpenter and knows everything about wood. In return we look after his cat when he visits
his son in Canada. The cat is old and sleeps most of the day on the red cushion by the window. We also have your
white shelves in the hall, and they hold more books than they should. I have always found your people in the shop
friendly, even on the Saturdays before Christmas. One of them once spent half an hour with my father to find the
right reading light. He still talks about it whenever he switches it on. At school we have a reading corner with a
carpet from your sale two years ago. The children sit there in the morning and listen to stories. This year we are
reading about a bear that wants to become a postman. They find it very funny that he eats the stamps. My class has
twenty-three pupils, and every one of them has a favourite place in that corner. In autumn there was a school fair,
and we sold cakes and paper lanterns. The money went to a new climbing frame, which will stand behind the gym. The
weather has been mild lately and the first flowers are already out. My husband says it is too early and the frost
will come back. He is usually right about such things, although I would never tell him. On Friday my parents came
for dinner and we sat together until late. My mother brought her plum cake and my father told the story of the boat
again. We have heard it a hundred times and still laugh at the same place. The big pot from your kitchen range was
on the table, full of soup. It is heavy, but nothing ever burns in it. I have recommended it to at least four
colleagues. One of them has since cooked for the whole staff room. The recipe is simple and only needs onions,
carrots, lentils and time. I grew up with it and so did my children. We do not have a car any more, we go
everywhere by bicycle or by bus. The bus stops in front of the house and takes twenty minutes to the centre. On the
way it passes your large branch with the glass front. In the evening the lamps in the window look like a small
forest. My son always counts them and there are usually more than forty. He wants to become an electrician or a
train driver, he has not decided yet. My eldest is sixteen and paints, mostly animals and sometimes our kitchen.
She has put up one of your frames with her picture of the harbour. It hangs above the sofa and every visitor stops
in front of it. Next month we will celebrate my parents' golden wedding. There will be sixty guests, music, and a
table with old photographs. My brother is flying in from Lisbon with his wife and the twins. We have not all been
together for seven years. I am looking forward to it more than to anything else this year."""


PLACES = {"beginning": 0.0, "middle": 0.5, "end": 1.0}
"""Where the wish is, as a share of the sentences before it."""


def text_of(number: int, place: str) -> str:
    """Return a text of about 900 words with a wish, by its number."""
    _, wish = WISHES[number]
    sentences = [f"{one.strip().rstrip('.')}." for one in FILLER.replace("\n", " ").split(". ")]
    shuffled = random.Random(number).sample(sentences, len(sentences))
    while sum(len(one.split()) for one in shuffled) < 900 - len(wish.split()):
        shuffled.append(shuffled[len(shuffled) - len(sentences)])
    at = round(PLACES[place] * len(shuffled))
    return " ".join([*shuffled[:at], f"{wish[0].upper()}{wish[1:]}.", *shuffled[at:]])


def measure(classifier: Classifier, place: str, numbers: Sequence[int]) -> tuple[int, int, int]:
    """Return how many texts have the intent of their wish, how many are accepted, and how many of these are right."""
    decisions = classifier.classify([text_of(number, place) for number in numbers])
    right = [decision.intent == WISHES[number][0] for decision, number in zip(decisions, numbers, strict=True)]
    accepted = [one for decision, one in zip(decisions, right, strict=True) if decision.accepted]
    return sum(right), len(accepted), sum(accepted)


def main() -> None:
    """Print a line for each place."""
    classifier = Classifier.open(device="cpu")
    for place in PLACES:
        right, accepted, of_these = measure(classifier, place, range(len(WISHES)))
        print(f"{place}: wish found in {right} of {len(WISHES)}, accepted {accepted}, of these right {of_these}")


if __name__ == "__main__":
    main()
