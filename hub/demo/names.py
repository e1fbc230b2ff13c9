"""Word lists of the invented borough. Given names and surnames are drawn apart, so that no pair means anybody."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN_FEMALE = _words(
    """Abena Ada Agnes Aisha Alice Amara Amelia Anita Anya Beatrice Bethan Bronwen Carys Cecily Chiara Clara Daisy
    Delia Dilys Edith Eilidh Elena Elsie Esme Farah Fatima Femi Flora Freya Grace Greta Hana Harriet Hazel Ifeoma
    Imogen Ines Iris Ivy Jaya Joan Josie Kasia Keziah Leila Lena Lydia Mabel Maeve Magda Margot Marian Meera Mina
    Nadia Naomi Nell Nia Noor Olga Olive Orla Pearl Petra Priya Ramona Rhiannon Rosa Ruth Sabina Saoirse Selma
    Shanti Sian Sofia Sunita Sylvie Tamsin Tess Thea Ursula Vera Wanda Winifred Yasmin Zara Zoë"""
)
GIVEN_MALE = _words(
    """Adil Albert Alun Amir Anton Arthur Ashok Basil Bilal Bram Callum Cedric Chidi Conor Cyril Dafydd Dean Dev
    Dominik Dylan Edmund Elias Emlyn Emre Ewan Felix Fergus Finlay Florian Gareth George Gwilym Hamza Hari Hector
    Hugh Ibrahim Idris Iwan Jakub Jamal Jasper Jerome Joel Josef Kofi Kurt Lachlan Leon Lewis Linus Lorenzo Luca
    Malik Marek Martin Milo Musa Ned Nikhil Obi Omar Oscar Otis Owen Patrick Percy Piotr Rafi Ravi Reuben Rhys
    Rohan Rowan Rufus Samir Seamus Simeon Stefan Sunil Tariq Theo Tobias Tomasz Uche Victor Vikram Walter Yusuf
    Zachary"""
)
FAMILY = _words(
    """Abara Adeyemi Ainsworth Akhtar Alderwick Anand Appleyard Ashdown Balogun Banerjee Bassey Begum Bellweather
    Birchall Blackstock Bramley Brannigan Brook Byrne Caddick Carrow Chaudhry Chowdhury Clifton Coldwell Copperfield
    Cragg Da-Silva Dalgleish Davies Desai Dimitrov Drummond Dunmore Eccles Edgeworth Ekwueme Ellery Evans Fairclough
    Farrow Fernandes Finch Flint Gaskell Georgiou Gill Goldsworthy Greenhalgh Griffiths Gunn Haddad Harker Hassan
    Hollis Holm Hussain Ibekwe Ingram Iqbal Jankowski Jarrow Jenkin Kamara Kaur Kellaway Khan Kowal Lacey Lark
    Lefebvre Lewandowski Lindqvist Lovell MacBride Mahmood Malik Marchetti Marlow Mensah Mistry Molloy Moravec
    Murtagh Mwangi Nair Nash Nguyen Novak O'Hara O'Neill Obuya Okafor Osei Owusu Pargeter Parmar Pascoe Patel
    Penhallow Petrov Pike Popescu Prior Quayle Quill Rahman Rashid Redfern Reyes Rossi Rook Sagoo Sandhu Santos
    Schofield Sesay Shah Sharrock Siddiqui Skelton Smallwood Sorensen Sparrow Sultana Swift Szabo Tamsett Tanner
    Tran Treloar Trevithick Underhill Vaughan Venn Wainwright Warwick Weir Whitlock Wójcik Wren Yates Yilmaz
    Zielinski"""
)
STREETS = _words(
    """Alder-Road Anchor-Street Barley-Close Beacon-Lane Bell-Street Bridge-Row Canal-Walk Chapel-Hill Clover-Drive
    Coopers-Yard Curlew-Way Dairy-Lane Elder-Grove Fern-Avenue Ferry-Road Foundry-Street Garden-Court Glebe-Lane
    Harbour-View Hawthorn-Road Heron-Close Hope-Street Ivy-Terrace Jubilee-Road Kiln-Lane Lantern-Street Linden-Avenue
    Lock-Cottages Market-Street Meadow-View Mill-Lane Nettle-Bank Orchard-Way Osprey-Road Park-Crescent Pear-Tree-Lane
    Quay-Street Rope-Walk Rowan-Close Saddlers-Row School-Lane Smithy-Fold Station-Road Swan-Street Thistle-Close
    Tithe-Barn-Road Union-Street Victoria-Place Weavers-Court Willow-Walk"""
)
TOWN = "Larkmere"

# No postcode begins with Q, V or X, so no letter can ever go to one of these; ZZ99 is left alone, for it means
# "no fixed abode" and the like in the NHS.
POSTCODE_AREA = "XX"
# Letters that an inward code may use (never C, I, K, M, O, V).
INWARD_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"
# Numbers that Ofcom keeps for drama: 07700 900000-900999 mobile.
MOBILE_PREFIX = "07700 900"

SCHOOLS = (
    ("Beacon Lane Primary School", "primary"),
    ("St Hilda's Primary School", "primary"),
    ("Weavers Academy", "secondary"),
    ("Quayside School", "secondary"),
)
COLLEGE = "Larkmere College"
