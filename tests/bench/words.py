"""Deterministic draws, and French-like text whose words follow Zipf's law, fast enough to fill gigabytes.

A text is drawn from a table of 65,536 slots in which a word of rank r has about 1/(r + 2.7) of the places, so that two random bytes
choose a word and a whole text is one join. Common turns of phrase are words of their own here, and each text has a subject
whose words come back: without these two, the text would compress worse than what people write.
"""

import functools
import hashlib
import random
from array import array

VOCABULARY = 7000
SLOTS = 1 << 16
SUBJECTS = 24
SUBJECT_WORDS = 90
SUBJECT_SHARE = 5  # one word in five belongs to the subject

COMMON = """de la le et les des en du que est pour dans une un sur par au qui ne pas plus avec ce il se sont aux son cette ont été être
d'un d'une ou sa leur ainsi entre sous après avant dont lors tout toute tous fait doit peut sera""".split()
SUBJECT_MATTER = """commune mairie conseil municipal maire adjoint délibération séance budget crédit dépense recette subvention travaux voirie
réseau eau assainissement éclairage école cantine cimetière concession urbanisme parcelle cadastre permis construire marché lot avenant
facture mandat titre trésorerie régie convention association salle fêtes location habitant électeur liste scrutin recensement naissance
mariage décès acte registre état civil arrêté circulation stationnement chemin rural forêt affouage bail loyer assurance sinistre agent
personnel indemnité formation congé secrétariat préfecture département région intercommunalité communauté syndicat compétence transfert
rapport annexe plan devis entreprise délai exécution réception garantie contrôle avis favorable unanimité majorité abstention""".split()
PHRASES = """le conseil municipal|après en avoir délibéré|à l'unanimité|la présente délibération|monsieur le maire expose|il est proposé de|
au titre de l'exercice|conformément aux dispositions|du code général des collectivités territoriales|de la commune|pour un montant de|
dans le cadre de|autorise le maire à signer|vu la demande de|considérant que|la somme de|à compter du|veuillez agréer|l'expression de mes
salutations distinguées|nous avons l'honneur de|suite à votre courrier|je vous prie de trouver ci-joint|au plus tard le|en application
de l'article|les membres présents|la commission d'appel d'offres|le plan local d'urbanisme|les crédits nécessaires""".replace("\n", "").split("|")

ONSETS = "b c d f g j l m n p r s t v br ch cl cr dr fl fr gl gr pl pr tr qu".split()
NUCLEI = "a e i o u é è ai au eau en an on ou oi in eu".split()
ENDINGS = "tion ment age eur euse ique able ence ité el al ure er é ée s es ent aire oir".split()


class Draw(random.Random):
    """The random numbers that belong to one name, such as ("report", "office", 17): the same for the same name, whatever was
    drawn elsewhere and in which process."""

    def __init__(self, *name):
        super().__init__("/".join(map(str, name)))

    def noise(self, size_bytes):
        """Incompressible bytes."""
        return hashlib.shake_128(self.randbytes(16)).digest(size_bytes)

    def size_bytes(self, median, spread=0.8):
        """Sizes as in real folders: log-normal, here at most 12 times the median."""
        return int(min(median * self.lognormvariate(0, spread), 12 * median)) + 1

    def words(self, count, subject=None):
        """A list of words, each with the space or punctuation that follows it."""
        table = slots(self.randrange(SUBJECTS) if subject is None else subject)
        return list(map(table.__getitem__, array("H", self.noise(2 * count))))

    def text(self, count, subject=None):
        return "".join(self.words(count, subject))

    def text_bytes(self, size_bytes, subject=None):
        """UTF-8 text of this size, give or take one character."""
        text = self.text(size_bytes // 5 + 8, subject).encode()[:size_bytes]
        return text.decode(errors="ignore").encode()

    def name(self, words=3):
        """Part of a file's name."""
        return " ".join(self.choice(SUBJECT_MATTER) for _ in range(words)).capitalize()


@functools.lru_cache(maxsize=1)
def vocabulary():
    """Words in the order of their rank: function words, phrases and administrative words first, then invented ones."""
    draw = random.Random("vocabulary")
    known = dict.fromkeys(COMMON)
    ranked = SUBJECT_MATTER + PHRASES
    draw.shuffle(ranked)
    known.update(dict.fromkeys(ranked))
    while len(known) < VOCABULARY:
        syllables = draw.choice((1, 1, 2, 2, 3))
        word = "".join(draw.choice(ONSETS) + draw.choice(NUCLEI) for _ in range(syllables))
        known[word + draw.choice(ENDINGS)] = None
    return list(known)


@functools.lru_cache(maxsize=SUBJECTS)
def slots(subject):
    """The table of one subject: 65,536 words with what follows them. The part that all subjects share is made once."""
    draw = random.Random(f"subject {subject}")
    own = draw.sample(vocabulary()[len(COMMON):], SUBJECT_WORDS)
    return common_slots() + with_ends(draw, own, 2, SLOTS // SUBJECT_SHARE)


@functools.lru_cache(maxsize=1)
def common_slots():
    return with_ends(random.Random("common"), vocabulary(), 2.7, SLOTS - SLOTS // SUBJECT_SHARE)


def with_ends(draw, ranked, flattening, count):
    """`count` words by Zipf's law, each followed by a space, or now and then by punctuation."""
    words = draw.choices(ranked, [1 / (rank + flattening) for rank in range(len(ranked))], k=count)
    ends = draw.choices((" ", ", ", ". ", ".\n", " ; "), (84, 7, 5, 3, 1), k=count)
    return [word + end for word, end in zip(words, ends)]
