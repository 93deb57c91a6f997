"""Which voices speak in the corpus, how long each, and how the festival voices' own symbols are read."""

from __future__ import annotations

from dataclasses import dataclass


def _table(**groups: str) -> dict[str, tuple[str, ...]]:
    """`P="p pp"` -> {"p": ("P",), "pp": ("P",)}; two phones are joined by `_` in the keyword."""
    return {symbol: tuple(phones.split("_")) for phones, symbols in groups.items() for symbol in symbols.split()}


FINNISH = _table(
    SIL="# ##", AA="a a:", EH="e e:", IY="i i:", OW="o o:", UW="u u:", UE="y y:", AX="@ @:", OE="7 7:", AE="& &:",
    P="p p:", T="t t:", K="k k:", B="b b:", D="d d: D:", G="g g:", F="f f:", TH="T:", S="s s:", SH="S S:", Z="z:",
    ZH="Z:",
    HH="h h:", V="v v:", M="m m:", N="n n:", NG="N N:", L="l L l: L:", RR="r r:", Y="j j:", W="w w:",
)
CZECH = _table(
    SIL="# _", AA="a a:", B="b", S="c c~", CH="ch", X="h", D="d d~", Z="dz z", JH="dz~", EH="e e:", F="f", G="g",
    IH="i", IY="i:", Y="j", K="k", L="l", M="m", N="n n~ n*", OW="o o:", P="p", RR="r", ZH="r~ z~", SH="r~* s~",
    T="t t~",
    UW="u u:", V="v",
) | {"s": ("S",), "ch": ("X",), "c~": ("CH",), "dz~": ("JH",)}
RUSSIAN = _table(
    SIL="pau", IY="ii i", AX="ae ur", IH="yy y ay", UW="uu u", EH="ee e", OW="oo", AA="aa a", P="p pp", B="b bb",
    T="t tt", D="d dd",
    K="k kk", G="g gg", S="c s ss", CH="ch", F="f ff", V="v vv", Z="z zz", SH="sh sch", ZH="zh", X="h hh", M="m mm",
    N="n nn",
    L="l ll", RR="r rr", Y="j",
)
ITALIAN = _table(
    SIL="#", IY="i i1", EH="e e1 E E1", AA="a a1", OW="o o1", AO="O O1", UW="u u1", Y="j", W="w", P="p", B="b", T="t",
    D="d",
    K="k", G="g", F="f", S="s ts", SH="S", V="v", Z="z dz", ZH="Z", CH="tS", JH="dZ", M="m nf", N="n J", NG="ng",
    L="l L", RR="r",
)
CATALAN = _table(
    SIL="pau _ #", AX="ax", AA="a a1", B="b", D="d", EH="e e1 E E1", F="f", G="g", IY="i i1", Y="j", N="n J", K="k",
    L="l L",
    M="m", OW="o o1", AO="O O1", P="p", RR="r rr", S="s", SH="S", T="t", UW="u u1", W="w", Z="z", ZH="Z",
)
INDIC = _table(
    SIL="pau", AX="a @", AA="aa", IH="ih", IY="iy", UH="uh", UW="uw", EH="eh ee", OW="oh oo", AA_IH="ay", AA_UH="aw",
    F="f",
    K="k kh", G="g gh", CH="ch", T="T tth th", D="D ddh dh td", N="n N", P="p", B="b bh", M="m", Y="y", RR="r R",
    L="l L",
    V="v", W="w", S="s", SH="sh", JH="j", HH="h", K_SH="ksh", X="x", ZH="zh",
)


@dataclass(frozen=True)
class FestivalVoice:
    """A festival voice: manual language, its script's encoding, its alphabet (None: ARPAbet)."""

    name: str
    language: str
    encoding: str
    alphabet: dict[str, tuple[str, ...]] | None = None
    minutes: float = 12.0


FESTIVAL_VOICES = (
    FestivalVoice("ked_diphone", "C", "ascii", None, 18.0),
    FestivalVoice("kal_diphone", "C", "ascii", None, 18.0),
    FestivalVoice("cmu_us_slt_arctic_hts", "C", "ascii", None, 18.0),
    FestivalVoice("suo_fi_lj_diphone", "fi", "latin-1", FINNISH),
    FestivalVoice("czech_dita", "cs", "iso-8859-2", CZECH),
    FestivalVoice("czech_krb", "cs", "iso-8859-2", CZECH),
    FestivalVoice("czech_machac", "cs", "iso-8859-2", CZECH),
    FestivalVoice("czech_ph", "cs", "iso-8859-2", CZECH),
    FestivalVoice("msu_ru_nsh_clunits", "ru", "utf-8", RUSSIAN, 25.0),
    FestivalVoice("lp_diphone", "it", "latin-1", ITALIAN),
    FestivalVoice("pc_diphone", "it", "latin-1", ITALIAN),
    FestivalVoice("upc_ca_ona_hts", "ca", "latin-1", CATALAN),
    FestivalVoice("marathi_NSK_diphone", "mr", "utf-8", INDIC),
)

FLITE_VOICES = {"slt": 175.0, "rms": 105.0, "awb": 125.0, "kal16": 105.0}
"""Voice -> mean pitch in Hz."""
FLITE_MINUTES = 20.0
HELD_OUT = ("festival_lp_diphone", "espeak_nl")
"""Never trained on: an Italian speaker and a language, to choose the network by."""

ESPEAK_LANGUAGES = {
    "C": ("en-us", "en-us", "en-us-nyc", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbcwmd", "en-029"),
    "ca": ("ca",), "cs": ("cs",), "da": ("da",), "de": ("de",), "el": ("el",), "es": ("es", "es-419"), "fa": ("fa",),
    "fi": ("fi",), "fr": ("fr", "fr-be"), "gu": ("gu",), "hi": ("hi",), "hr": ("hr",), "hu": ("hu",),
    "id": ("id",), "it": ("it",), "ko": ("ko",), "lt": ("lt",), "lv": ("lv",), "mr": ("mr",), "nl": ("nl",),
    "pl": ("pl",),
    "pt": ("pt",), "pt_BR": ("pt-br",), "ro": ("ro",), "ru": ("ru",), "sl": ("sl",), "sr": ("sr",), "sv": ("sv",),
    "ta": ("ta",),
    "te": ("te",), "tr": ("tr",), "uk": ("uk",), "vi": ("vi",), "zh_CN": ("cmn-latn-pinyin",), "ja": ("ja",),
}
"""Manual language -> espeak-ng voices."""
ESPEAK_MINUTES, ESPEAK_ENGLISH_MINUTES = 5.0, 40.0
ESPEAK_VARIANTS = (
    "", "Alex", "Alicia", "Andrea", "Andy", "Annie", "Denis", "Diogo", "Gene", "Hugo", "Jacky", "Lee", "Marco",
    "Mario", "Michael",
    "Mike", "Nguyen", "adam", "anika", "antonio", "aunty", "belinda", "benjamin", "boris", "caleb", "david", "ed",
    "edward", "f1",
    "f2", "f3", "f4", "f5", "grandma", "grandpa", "gustave", "iven", "iven2", "john", "klatt", "klatt2", "klatt3",
    "klatt4", "klatt5",
    "klatt6", "linda", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "marcelo", "max", "michel", "miguel",
    "norbert", "pablo",
    "paul", "pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph", "steph2", "travis", "victor", "whisper",
    "zac",
)
"""Timbres of espeak-ng's formant synthesiser, two kinds of source (its own and Klatt's), one whisper."""
